package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// state is what was read the last time: the digest of the configuration's file
// and of each that it names; zero for one that cannot be read.
type state struct {
	file  [sha256.Size]byte
	named map[string][sha256.Size]byte
}

func digestOf(text string, err error) (digest [sha256.Size]byte) {
	if err == nil {
		digest = sha256.Sum256([]byte(text))
	}
	return digest
}

func newState(text string, err error, files reads) state {
	s := state{digestOf(text, err), map[string][sha256.Size]byte{}}
	for path, read := range files {
		s.named[path] = digestOf(read.text, read.err)
	}
	return s
}

// state returns what the configuration was read from.
func (l *Loaded) state() state {
	s := state{l.digest, map[string][sha256.Size]byte{}}
	for _, file := range l.files {
		s.named[file.Path] = digestOf(file.Content.Reveal(), nil)
	}
	return s
}

// paths returns the files to watch.
func (s state) paths(file string) []string {
	paths := slices.Sorted(maps.Keys(s.named))
	if file != "" {
		paths = append(paths, file)
	}
	return paths
}

// isChanged reports whether a file holds something else than it did when it was
// last looked at.
func (w *Watcher) isChanged() bool {
	if digestOf(readFile(w.options.Options.File)) != w.seen.file {
		return true
	}
	for path, before := range w.seen.named {
		if digestOf(readNamed(path)) != before {
			return true
		}
	}
	return false
}

// reload reads everything again and puts in force what can be, or says why not.
func (w *Watcher) reload(ctx context.Context) {
	files := reads{}
	text, err := readFile(w.options.Options.File)
	if err != nil {
		err = fmt.Errorf("configuration: %w", err)
	}
	w.seen.file = digestOf(text, err)
	var next *Loaded
	if err == nil {
		next, err = w.load(text, files)
		w.seen = newState(text, nil, files)
	}
	result := Reload{Pending: w.Last().Pending}
	if err == nil {
		result, next, err = w.apply(ctx, next)
	}
	w.finish(result, next, err)
}

// load checks the text of the file.
func (w *Watcher) load(text string, files reads) (*Loaded, error) {
	if strings.TrimSpace(text) == "" && w.Current().digest != w.seen.file {
		message := "the file is empty, as one that is just being written; for the defaults alone, write a comment"
		return nil, Faults{{Source: Source{Name: w.options.Options.File}, Message: message}}
	}
	return load(w.options.Options, text, files)
}

// apply puts what can change in force, and returns what then is.
func (w *Watcher) apply(ctx context.Context, written *Loaded) (Reload, *Loaded, error) {
	var r Reload
	current := w.Current()
	for _, change := range Changed(current, written) {
		if field := fieldOf(change.Path); w.options.Live(field, w.options.Current, written) {
			r.Changed = append(r.Changed, change)
		} else {
			r.Pending = append(r.Pending, field)
		}
	}
	r.Pending = slices.Compact(r.Pending) // they are in order
	next := written.with(r.Pending, current)
	if len(r.Changed) == 0 {
		return r, next, nil
	}
	return r, next, w.options.Apply(ctx, next, r.Changed)
}

// finish notes what became of a reload and tells of it.
func (w *Watcher) finish(r Reload, next *Loaded, err error) {
	r.Time = time.Now()
	w.mu.Lock()
	before := w.last.Pending
	if err != nil {
		r = Reload{Time: r.Time, Pending: before, Err: err}
	} else {
		w.current = next
	}
	w.last = r
	w.mu.Unlock()
	if w.options.OnReload != nil { // first: who reads a line finds the metrics that go with it
		w.options.OnReload(r)
	}
	w.log(r)
	if !slices.Equal(before, r.Pending) {
		w.logPending(r.Pending)
	}
}

func (w *Watcher) log(r Reload) {
	switch {
	case r.Err != nil:
		w.options.Logger.Error("configuration refused; the one before stays in force", "faults", strings.Split(r.Err.Error(), "\n"))
	case len(r.Changed) > 0:
		w.options.Logger.Info("configuration changed", "fields", lines(r.Changed))
	case len(r.Pending) > 0:
		w.options.Logger.Info("configuration loaded again; nothing changed but what waits for a restart")
	default:
		w.options.Logger.Info("configuration loaded again; nothing changed")
	}
}

func (w *Watcher) logPending(fields []string) {
	if len(fields) == 0 {
		w.options.Logger.Info("no field of the configuration waits for a restart any more")
		return
	}
	w.options.Logger.Warn("fields of the configuration wait for a restart; the rest is in force", "fields", fields)
}

// mostLines bounds the changes that the log shows of one reload.
const mostLines = 100

// lines returns a line for each change.
func lines(changes []Change) []string {
	var all []string
	for i, change := range changes {
		if i == mostLines {
			return append(all, fmt.Sprintf("and %d more", len(changes)-mostLines))
		}
		all = append(all, change.String())
	}
	return all
}
