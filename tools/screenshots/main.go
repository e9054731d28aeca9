// Command screenshots takes the pictures of the admin page in docs/images: of bin/venta,
// which serves a few minutes of requests first.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/venta-hq/venta/internal/browser"
)

const (
	binary = "bin/venta"
	images = "docs/images"
	// loaded is how long requests come before the pictures.
	loaded = 4 * time.Minute
	// mostBytes is what a picture in a repository may have.
	mostBytes = 150_000
)

// place is one of the page's, and how much of it is shown.
type place struct {
	hash   string
	height int64
}

// pictures are places by the picture's name.
var pictures = map[string]place{
	"overview":   {"#/", 860},
	"method":     {"#/methods/venta.vendor.v2.VendorService/GetVendor", 1240},
	"objectives": {"#/objectives", 620},
}

// configuration has an override, so that one is seen.
const configuration = `
overrides:
  - methods: venta.vendor.v2.VendorService/GetVendor
    policy: {timeout: {duration: 2s}}
    expires: "2099-01-31T00:00:00Z"
    reason: The database is being moved.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Print(err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	system, err := startSystem(ctx, folder)
	if err != nil {
		return err
	}
	defer system.stop()
	log.Printf("requests for %v", loaded)
	end, err := system.load(ctx)
	if err != nil {
		return err
	}
	defer end()
	select {
	case <-time.After(loaded):
	case <-ctx.Done():
		return ctx.Err()
	}
	return take(ctx, filepath.Join(folder, "browser"), system.admin)
}

// take writes each picture in both themes.
func take(parent context.Context, folder, admin string) error {
	ctx, end := browser.New(parent, folder)
	defer end()
	if err := os.MkdirAll(images, 0o750); err != nil {
		return err
	}
	for name, place := range pictures {
		for _, theme := range browser.Themes {
			picture, err := shot(ctx, admin+"/"+place.hash, place.height, theme)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, theme, err)
			}
			if len(picture) > mostBytes {
				return fmt.Errorf("%s, %s: %d bytes are more than %d", name, theme, len(picture), mostBytes)
			}
			if err := os.WriteFile(filepath.Join(images, fmt.Sprintf("%s-%s.png", name, theme)), picture, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func shot(ctx context.Context, url string, height int64, theme browser.Theme) ([]byte, error) {
	err := chromedp.Do(ctx, chromedp.EmulateViewport(1360, height), browser.Prefer(theme), chromedp.Navigate("about:blank"), chromedp.Navigate(url))
	if err != nil {
		return nil, err
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`Number(document.getElementById('main').dataset.updates) >= 2`)); err != nil {
		return nil, err
	}
	raw, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return nil, err
	}
	return pack(raw)
}

// system is the reference system in a process of its own.
type system struct {
	command            *exec.Cmd
	base, admin, token string
}

func startSystem(ctx context.Context, folder string) (*system, error) {
	program, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "venta.yaml"), []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	s := &system{command: exec.CommandContext(ctx, program, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", folder, "--config", "venta.yaml")} //nolint:gosec // a folder of our own
	s.command.Dir = folder
	s.command.Cancel = func() error { return s.command.Process.Signal(syscall.SIGTERM) }
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if s.base, s.admin, err = addresses(out); err != nil {
		s.stop()
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()                                                        // until it ends
	token, err := exec.CommandContext(ctx, binary, "token", "--subject", "ada", "--data", folder).Output() //nolint:gosec // a folder of our own
	s.token = strings.TrimSpace(string(token))
	if err != nil {
		s.stop()
	}
	return s, err
}

func (s *system) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait() // its end is no concern of the pictures
}

var serves = regexp.MustCompile(`REST on (http://\S+) |health on (http://\S+:\d+)`)

// addresses reads them from what the process says at its start.
func addresses(out io.Reader) (base, admin string, err error) {
	lines := bufio.NewScanner(out)
	for (base == "" || admin == "") && lines.Scan() {
		for _, match := range serves.FindAllStringSubmatch(lines.Text(), -1) {
			base, admin = base+match[1], admin+match[2]
		}
	}
	if base == "" || admin == "" {
		return "", "", fmt.Errorf("%s does not say where it serves: %w", binary, lines.Err())
	}
	return base, admin, nil
}
