package config

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// DefaultSettle is how long files must be left alone before they are read again.
const DefaultSettle = 200 * time.Millisecond

// mostSettles bounds how often that time begins anew while a file, or one beside
// it, keeps changing: a change takes effect within a second in any case.
const mostSettles = 4

// WatchOptions configures a [Watcher].
type WatchOptions struct {
	// Options says what the configuration is made of, as Load was told.
	Options Options
	// Current is the configuration that the process started with. Required.
	Current *Loaded
	// Live reports whether Apply can change a field, such as "logging.level" or
	// "overrides"; what it says of a list holds for all that is in it. started is
	// the configuration that the process started with, next the one as it is
	// written now. What cannot change waits for a restart. Default: nothing can.
	Live func(path string, started, next *Loaded) bool
	// Apply puts the changes in force, all or none with an error: next is the
	// configuration in force with those changes alone. It is called from Run, one
	// call at a time, and ctx is Run's. Required.
	Apply func(ctx context.Context, next *Loaded, changed []Change) error
	// OnReload, if set, is told of every reload, from Run.
	OnReload func(Reload)
	// Logger takes what became of reloads. Default: slog.Default().
	Logger *slog.Logger
	// Settle is how long files must be left alone before they are read again.
	// Default: [DefaultSettle].
	Settle time.Duration
}

// Reload is what became of reading a configuration again.
type Reload struct {
	// Time is when it ended.
	Time time.Time
	// Changed are the fields that took effect.
	Changed []Change
	// Pending are the fields, in alphabetical order, that are written otherwise
	// than they are in force, and need a restart. Writing them back as they were
	// empties it.
	Pending []string
	// Err says why nothing took effect: [Faults], or the error of Apply. Pending
	// then is what it was.
	Err error
}

// Watcher loads a configuration again when its file or one that it names
// changes, or when it is told to. What is wrong changes nothing; what cannot
// change while the process runs keeps nothing else from changing. All methods are
// safe for concurrent use; Run must run once.
type Watcher struct {
	options   WatchOptions
	requested chan struct{}
	open      func() (folders, error)

	mu      sync.Mutex
	current *Loaded
	last    Reload

	seen state // what was last looked at; Run's alone
}

// NewWatcher returns a Watcher that watches once Run is called.
func NewWatcher(o WatchOptions) (*Watcher, error) {
	if o.Current == nil || o.Apply == nil || o.Settle < 0 {
		return nil, errors.New("config.NewWatcher: Current and Apply are required, Settle must not be negative")
	}
	if o.Live == nil {
		o.Live = func(string, *Loaded, *Loaded) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	return &Watcher{
		options: o, requested: make(chan struct{}, 1), open: watchFolders,
		current: o.Current, last: Reload{Time: time.Now()}, seen: o.Current.state(),
	}, nil
}

// Reload has Run load the configuration again, as SIGHUP does, be a file
// changed or not. It does not wait.
func (w *Watcher) Reload() {
	select {
	case w.requested <- struct{}{}:
	default: // a reload that has not begun will do
	}
}

// Current returns the configuration in force: as it is written, but for the
// fields that need a restart.
func (w *Watcher) Current() *Loaded {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

// Last returns what became of the last reload. Before the first, it has no
// error.
func (w *Watcher) Last() Reload {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Run watches until ctx ends, and then returns nil. Where files cannot be
// watched, Reload still works; that is logged.
func (w *Watcher) Run(ctx context.Context) error {
	watched, err := w.open()
	w.warn(err)
	defer func() { w.warn(watched.close()) }()
	settled := time.NewTimer(0) // to watch, and to see what changed since it was loaded
	defer settled.Stop()
	var latest time.Time // of settling; zero while nothing happens
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.requested:
			w.reload(ctx)
			settled.Reset(w.follow(watched))
		case err, open := <-watched.errors:
			if !open {
				err, watched.errors = errNotWatched, nil
			}
			w.warn(err)
			settled.Reset(w.options.Settle) // events may have been lost
		case _, open := <-watched.events:
			if !open {
				watched.events = nil
			}
			now := time.Now()
			if latest.IsZero() {
				latest = now.Add(mostSettles * w.options.Settle)
			}
			settled.Reset(min(w.options.Settle, latest.Sub(now)))
		case <-settled.C:
			latest = time.Time{}
			w.follow(watched)
			if w.isChanged() {
				w.reload(ctx)
				settled.Reset(w.follow(watched)) // other files, which nobody has watched until now
			}
		}
	}
}

// errNotWatched tells that the operating system gave the watching up.
var errNotWatched = errors.New("changes are not seen any more")

// follow watches the files that the configuration is made of, and returns when
// to look at them again, for they may have changed before.
func (w *Watcher) follow(watched folders) time.Duration {
	w.warn(watched.follow(w.seen.paths(w.options.Options.File)))
	return w.options.Settle
}

func (w *Watcher) warn(err error) {
	if err != nil {
		w.options.Logger.Error("watching the configuration; SIGHUP still loads it", "file", w.options.Options.File, "error", err)
	}
}
