// Package health says what orchestrators and people want to know: does the
// process live (/livez), has it started (/startupz), may it have traffic (/readyz),
// how is what it depends on (/health). Dependencies are looked at in the
// background, and no response waits for one of them.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options are those of [New]. The zero value is a process without dependencies.
type Options struct {
	// Dependencies are looked at. Default: none.
	Dependencies []Dependency
	// CriticalAfter is how long a critical dependency must be down before readiness
	// falls, so that one which flaps does not have the process flap. It must not be
	// negative. Default: at once.
	CriticalAfter time.Duration
	// Version is the process's, for the whole document. Default: none.
	Version string
	// Logger takes changes of dependencies. Default: nobody is told.
	Logger *slog.Logger
}

// Health serves health requests. It is safe for concurrent use.
type Health struct {
	options Options
	watches []*watch
	ready   atomic.Bool
	started atomic.Bool
	running atomic.Bool
}

// New returns a Health that has not started. It looks at nothing before [Health.Run].
func New(o Options) (*Health, error) {
	h := &Health{options: o}
	if o.Logger == nil {
		h.options.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CriticalAfter < 0 {
		return nil, errors.New("health: CriticalAfter must not be negative")
	}
	type identity struct {
		name string
		kind Kind
	}
	known := map[identity]bool{}
	for _, d := range o.Dependencies {
		if err := d.validate(); err != nil {
			return nil, fmt.Errorf("health: %w", err)
		}
		if known[identity{d.Name, d.Kind}] {
			return nil, fmt.Errorf("health: there are two dependencies %q of kind %s", d.Name, d.Kind)
		}
		known[identity{d.Name, d.Kind}] = true
		h.watches = append(h.watches, newWatch(d, h.tell))
	}
	return h, nil
}

// Run looks at the dependencies until ctx ends. It is called once.
func (h *Health) Run(ctx context.Context) {
	h.running.Store(true)
	var watching sync.WaitGroup
	for _, w := range h.watches {
		watching.Go(func() { w.run(ctx) })
	}
	watching.Wait()
}

// tell logs a change.
func (h *Health) tell(s State) {
	of := []any{"name", s.Name, "kind", string(s.Kind), "criticality", s.Criticality()}
	if s.Status == StatusOK {
		h.options.Logger.Info("a dependency serves again", of...)
		return
	}
	h.options.Logger.Warn("a dependency is down", append([]any{"error", s.Err}, of...)...)
}

// SetReady says whether the process itself may have traffic. With the first true it
// has started.
func (h *Health) SetReady(ready bool) {
	if ready {
		h.started.Store(true)
	}
	h.ready.Store(ready)
}

// Ready tells whether the process may have traffic: it may itself, and no critical
// dependency is down. It returns at once.
func (h *Health) Ready() bool {
	if !h.ready.Load() {
		return false
	}
	for _, w := range h.watches {
		if w.holdsBack(h.options.CriticalAfter) {
			return false
		}
	}
	return true
}

// States returns how the dependencies are, from memory and in the order of the
// options.
func (h *Health) States() []State {
	all := make([]State, len(h.watches))
	for i, w := range h.watches {
		all[i] = w.state()
	}
	return all
}

// Handler serves /livez, /startupz, /readyz and the whole document at /health, for
// operators.
func (h *Health) Handler() http.Handler { return h.handler(h.whole) }

// PublicHandler serves the same paths for strangers: of the dependencies it tells the
// upstreams' names and statuses alone.
func (h *Health) PublicHandler() http.Handler { return h.handler(h.public) }

func (h *Health) handler(compose func() document) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { respond(w, true, "") })
	mux.HandleFunc("GET /startupz", func(w http.ResponseWriter, _ *http.Request) { respond(w, h.started.Load(), "starting") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { respond(w, h.Ready(), "not ready") })
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		h.awaitFirst(r.Context())
		write(w, r, compose())
	})
	return mux
}

// awaitFirst gives a process that starts the time of one check, so that its first
// document says something.
func (h *Health) awaitFirst(ctx context.Context) {
	if !h.running.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+lateness)
	defer cancel()
	for _, w := range h.watches {
		select {
		case <-w.first:
		case <-ctx.Done():
			return
		}
	}
}

func respond(w http.ResponseWriter, ok bool, otherwise string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(otherwise + "\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
