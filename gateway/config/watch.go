package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// DefaultSettle is how long a file must be left alone before it is read again.
const DefaultSettle = 200 * time.Millisecond

// mostSettles bounds how often that time begins anew while a file, or one beside
// it, keeps changing.
const mostSettles = 10

// WatchOptions configures a [Watcher].
type WatchOptions struct {
	// Options says what the configuration is made of, as Load was told.
	Options Options
	// Current is the configuration in force. Required.
	Current *Loaded
	// Live are the paths of the fields and blocks that Apply can change, such as
	// "overrides". A reload that changes any other is refused whole. Default: none.
	Live []string
	// Apply puts a valid configuration in force, which differs from the one before
	// in fields of Live alone: all of it, or none with an error. It is called from
	// Run, one call at a time, and ctx is Run's. Required.
	Apply func(ctx context.Context, next *Loaded) error
	// Observe, if set, is told of every reload, from Run.
	Observe func(Reload)
	// Logger takes what became of reloads. Default: slog.Default().
	Logger *slog.Logger
	// Settle is how long the file must be left alone before it is read again.
	// Default: [DefaultSettle].
	Settle time.Duration
}

// Reload is what became of reading a configuration again.
type Reload struct {
	// Time is when it ended.
	Time time.Time
	// Changed are the paths of the fields that took effect.
	Changed []string
	// Err says why nothing did: [Faults], or the error of Apply. Nil: the
	// configuration as it is written is in force.
	Err error
}

// Watcher loads a configuration again when its file changes or when it is told
// to. What is wrong, or cannot change while the process runs, changes nothing.
// All methods are safe for concurrent use; Run must run once.
type Watcher struct {
	options WatchOptions
	asked   chan struct{}
	open    func(path string) (files, error)

	mu      sync.Mutex
	current *Loaded
	last    Reload

	seen [sha256.Size]byte // of the text that was last looked at; Run's alone
}

// NewWatcher returns a Watcher that watches once Run is called.
func NewWatcher(o WatchOptions) (*Watcher, error) {
	if o.Current == nil || o.Apply == nil || o.Settle < 0 {
		return nil, errors.New("config.NewWatcher: Current and Apply are required, Settle must not be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	return &Watcher{
		options: o, asked: make(chan struct{}, 1), open: watchFiles,
		current: o.Current, last: Reload{Time: time.Now()}, seen: o.Current.digest,
	}, nil
}

// Reload asks Run to load the configuration again, as SIGHUP does, be the file
// changed or not. It does not wait.
func (w *Watcher) Reload() {
	select {
	case w.asked <- struct{}{}:
	default: // a reload that has not begun will do
	}
}

// Current returns the configuration in force.
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
	watched, err := w.open(w.options.Options.File)
	w.warn(err)
	defer func() { w.warn(watched.close()) }()
	settled := time.NewTimer(0) // the file may have changed since it was loaded
	defer settled.Stop()
	var latest time.Time // of settling; zero while nothing happens
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.asked:
			text, _, err := w.read()
			w.reload(ctx, text, err)
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
			w.warn(watched.follow())
			w.reloadChanged(ctx)
		}
	}
}

// errNotWatched tells that the operating system gave the watching up.
var errNotWatched = errors.New("changes are not seen any more")

func (w *Watcher) warn(err error) {
	if err != nil {
		w.options.Logger.Error("watching the configuration file; SIGHUP still loads it", "file", w.options.Options.File, "error", err)
	}
}

// reloadChanged reloads a file whose text is not the one last looked at.
func (w *Watcher) reloadChanged(ctx context.Context) {
	if text, changed, err := w.read(); changed {
		w.reload(ctx, text, err)
	}
}

// read returns the text of the file and remembers which it was: zero for one
// that cannot be read.
func (w *Watcher) read() (text string, changed bool, err error) {
	before := w.seen
	w.seen = [sha256.Size]byte{}
	if text, err = readFile(w.options.Options.File); err == nil {
		w.seen = sha256.Sum256([]byte(text))
	}
	return text, w.seen != before, err
}

// reload puts the text of the file in force, or says why not.
func (w *Watcher) reload(ctx context.Context, text string, err error) {
	var changed []string
	var next *Loaded
	if err == nil {
		changed, next, err = w.check(text)
	}
	if err == nil && len(changed) > 0 {
		err = w.options.Apply(ctx, next)
	}
	result := Reload{Time: time.Now(), Err: err}
	w.mu.Lock()
	if err == nil {
		result.Changed, w.current = changed, next
	}
	w.last = result
	w.mu.Unlock()
	w.log(result)
	if w.options.Observe != nil {
		w.options.Observe(result)
	}
}

// check returns the configuration of a text and what it changes, unless it must
// not take effect.
func (w *Watcher) check(text string) (changed []string, next *Loaded, err error) {
	current := w.Current()
	if strings.TrimSpace(text) == "" && current.digest != w.seen {
		message := "the file is empty, as one that is just being written; for the defaults alone, write a comment"
		return nil, nil, Faults{{Source: Source{Name: w.options.Options.File}, Message: message}}
	}
	if next, err = load(w.options.Options, text); err != nil {
		return nil, nil, err
	}
	changed = Changed(current, next)
	var refused Faults
	for _, path := range changed {
		if !within(w.options.Live, path) {
			refused = append(refused, next.Fault(path, "changing it needs a restart"))
		}
	}
	return changed, next, refused.sorted()
}

func (w *Watcher) log(r Reload) {
	switch {
	case r.Err != nil:
		w.options.Logger.Error("configuration refused; the one before stays in force", "faults", strings.Split(r.Err.Error(), "\n"))
	case len(r.Changed) > 0:
		w.options.Logger.Info("configuration changed", "fields", r.Changed)
	default:
		w.options.Logger.Info("configuration loaded again; nothing changed")
	}
}
