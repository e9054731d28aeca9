// Package stage runs the processes of a scenario: the gateway under test, the
// backends behind it, and the fault proxies between them.
package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const program = "github.com/venta-hq/venta/cmd/venta"

// Site is what all scenarios share: the gateway's binary and a client's token.
type Site struct {
	dir   string
	venta string   // the gateway's binary
	actor []string // the command of a backend, without its address
	token string
}

// Open builds the gateway's binary, unless venta names one, and signs a token.
// backend is the command that runs package backend; it takes --address. End the
// site with [Site.Close].
func Open(ctx context.Context, venta string, backend []string) (*Site, error) {
	dir, err := os.MkdirTemp("", "venta-chaos-")
	if err != nil {
		return nil, err
	}
	s := &Site{dir: dir, venta: venta, actor: backend}
	if err := errors.Join(s.build(ctx), s.sign(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Site) build(ctx context.Context) error {
	if s.venta != "" {
		return nil
	}
	s.venta = filepath.Join(s.dir, "venta")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", s.venta, program).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	return nil
}

func (s *Site) sign(ctx context.Context) (err error) {
	s.token, err = s.Sign(ctx, "ada")
	return err
}

// Sign returns a token that the gateways accept.
func (s *Site) Sign(ctx context.Context, subject string, scopes ...string) (string, error) {
	args := []string{"token", "--subject", subject, "--data", s.dir}
	for _, scope := range scopes {
		args = append(args, "--scope", scope)
	}
	out, err := exec.CommandContext(ctx, s.venta, args...).Output()
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Close removes what Open has made.
func (s *Site) Close() error { return os.RemoveAll(s.dir) }
