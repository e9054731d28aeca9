package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/chaos/internal/balancer"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/names"
)

// Stage is the processes and proxies of one scenario.
type Stage struct {
	*Site
	dir     string
	names   *names.Server
	named   int      // names given
	closers []func() // in the order of opening
	logs    []func() string
}

// Stage returns an empty stage. End what runs on it with [Stage.Close].
func (s *Site) Stage() (*Stage, error) {
	dir, err := os.MkdirTemp(s.dir, "scenario-")
	if err != nil {
		return nil, err
	}
	server, err := names.Start()
	if err != nil {
		return nil, err
	}
	stage := &Stage{Site: s, dir: dir, names: server}
	stage.onClose(func() { _ = server.Close() })
	return stage, nil
}

// Close ends all processes and proxies, the last first. It ends by force what
// the scenario has not ended.
func (s *Stage) Close() {
	for _, end := range slices.Backward(s.closers) {
		end()
	}
	s.closers = nil
}

// Logs returns the last of what the gateways wrote.
func (s *Stage) Logs() string {
	var all strings.Builder
	for _, log := range s.logs {
		all.WriteString(log())
	}
	return all.String()
}

func (s *Stage) onClose(end func()) { s.closers = append(s.closers, end) }

func (s *Stage) file(name string) string { return filepath.Join(s.dir, name) }

// Balancer puts a load balancer in front of gateways.
func (s *Stage) Balancer(members ...balancer.Member) (*balancer.Balancer, error) {
	b, err := balancer.Start(members...)
	if err != nil {
		return nil, err
	}
	s.onClose(func() { _ = b.Close() })
	return b, nil
}

// TCPBalancer puts a balancer of connections in front of gateways.
func (s *Stage) TCPBalancer(gateways ...*Gateway) (*balancer.TCP, error) {
	var members []balancer.Member
	for _, g := range gateways {
		members = append(members, balancer.Member{Base: g.Address(), Ready: g.Ready})
	}
	b, err := balancer.StartTCP(members...)
	if err != nil {
		return nil, err
	}
	s.onClose(func() { _ = b.Close() })
	return b, nil
}

// Keep starts a load of clients that keep their connections. The stage ends it at
// the latest.
func (s *Stage) Keep(ctx context.Context, k load.KeepAlive) *load.Kept {
	ctx, cancel := context.WithCancel(ctx)
	run := load.Keep(ctx, k)
	s.onClose(func() {
		cancel()
		run.Stop()
	})
	return run
}

// Header is what a client with a valid token sends.
func (s *Stage) Header() http.Header { return http.Header{"Authorization": {"Bearer " + s.token}} }

// Load starts a load of clients with a valid token. The stage ends it at the
// latest.
func (s *Stage) Load(ctx context.Context, base string, rate float64, span time.Duration, next func(i int) load.Request) *load.Run {
	ctx, cancel := context.WithCancel(ctx)
	run := load.Start(ctx, load.Plan{
		Base: base, Rate: rate, Duration: span, Next: next,
		Header: s.Header(),
	})
	s.onClose(func() {
		cancel()
		run.Wait()
	})
	return run
}

// Until waits until the load has run for at.
func Until(ctx context.Context, run *load.Run, at time.Duration) error {
	return Sleep(ctx, at-run.Elapsed())
}

// Sleep waits for d, or for the end of ctx, which is an error.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errNotYet = errors.New("it did not hold")

// Eventually waits until a condition holds, at most for limit.
func Eventually(ctx context.Context, limit time.Duration, what string, condition func() (bool, error)) error {
	end := time.Now().Add(limit)
	for {
		ok, err := condition()
		if ok {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %s: %w", what, limit, cmp.Or(err, errNotYet))
		}
		if err := Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
