// Package audit keeps a log of who has changed what of a process, when and why. It is
// apart from all other logs: no level and no sampling applies to it, and what cannot
// be recorded is not lost in silence.
//
// A record is one line of JSON. In a file of its own it is on the disk when [Log.Record]
// returns; the file is only ever appended to, and opened anew when somebody has renamed
// or removed it. A disk that hangs holds nobody up: a record that is not on it in time
// could not be written.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Event is what somebody has done, or is about to do.
type Event struct {
	// Action is what, such as "cache.purge". Required.
	Action string
	// Actor is who: see [Actor]. Required.
	Actor Actor
	// Target is what it was done to, such as an RPC or a field of the configuration.
	Target string
	// Before and After are its values, in short and without secrets.
	Before, After string
	// Reason is why, in the actor's words.
	Reason string
	// Err, where set, is why it came to nothing.
	Err error
}

// Actor is who does something.
type Actor struct {
	// Kind is what the actor is.
	Kind Kind
	// Name is who: an operator's name, the path of a file, the name of a signal.
	Name string
	// Address is where an operator's request came from.
	Address string
}

// Kind is what an actor is.
type Kind string

// The kinds of actors.
const (
	// Operator has asked for it at the admin address.
	Operator Kind = "operator"
	// File was changed.
	File Kind = "file"
	// Signal was sent to the process.
	Signal Kind = "signal"
	// Process does it by itself.
	Process Kind = "process"
)

// The actions of the process itself. Others may have more.
const (
	ProcessStart      = "process.start"
	ProcessStop       = "process.stop"
	ConfigReload      = "config.reload"
	ConfigChange      = "config.change"
	KeysChange        = "keys.change"
	LogLevelChange    = "log.level.change"
	OverrideAdd       = "override.add"
	OverrideRemove    = "override.remove"
	OverrideExpire    = "override.expire"
	CachePurge        = "cache.purge"
	longestText       = 2048 // bytes of one member of a record
	recordsTimeLayout = time.RFC3339Nano
)

// Options say where records go.
type Options struct {
	// File is the path of the file that they are appended to. Default: they go to
	// Logger.
	File string
	// Required has an action refused whose record cannot be written: see [Log.Guard].
	Required bool
	// Logger takes the records where there is no file, whatever its level, and tells
	// what could not be recorded. Required.
	Logger *slog.Logger
	// Limit is how long a record may take to be on the disk. Default: [DefaultLimit].
	Limit time.Duration
}

// DefaultLimit is long for a disk that works, and short for an operator who waits.
const DefaultLimit = 2 * time.Second

// Log is an audit log. It is safe for concurrent use; its methods do nothing on a nil
// Log.
type Log struct {
	options Options
	file    *file // nil: there is none
	turns   *turns
	lost    atomic.Int64
}

// Open opens the log. It must be closed.
func Open(o Options) (*Log, error) {
	if o.Logger == nil {
		return nil, errors.New("audit: no Logger")
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	l := &Log{options: o, turns: newTurns(o.Limit)}
	if o.File == "" {
		return l, nil
	}
	l.file = &file{path: o.File}
	if err := l.turns.do(l.file.open, func(error) { l.file.close() }); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return l, nil
}

// Record writes what happened, all of it at once. With an error it is not recorded, which
// is counted ([Log.Lost]) and logged: this is for what has happened, or will in any case.
// Ask [Log.Guard] before what need not be done.
func (l *Log) Record(ctx context.Context, events ...Event) error {
	if l == nil || len(events) == 0 {
		return nil
	}
	return l.told(ctx, events, l.write(ctx, events, func(err error) {
		if err == nil {
			l.options.Logger.Warn("audit records that were taken for lost are on the disk", "records", len(events))
		}
	}))
}

// Guard records an action before it is done. With an error it must not be done: it
// cannot be recorded, and records are required. A record of it that comes to the disk too
// late is followed by one that says so.
func (l *Log) Guard(ctx context.Context, e Event) error {
	if l == nil {
		return nil
	}
	if !l.options.Required {
		_ = l.Record(ctx, e)
		return nil
	}
	events := []Event{e}
	return l.told(ctx, events, l.write(ctx, events, func(err error) {
		if err == nil {
			l.refuted(e)
		}
	}))
}

// errLate follows a record of what was not done.
var errLate = errors.New("it was not done: the record before this one was on the disk too late")

// refuted tells that an action was not done of which a record says so. The turn is held.
func (l *Log) refuted(e Event) {
	e.Err = errLate
	lines, err := linesOf([]Event{e})
	if err == nil {
		err = l.file.append(lines)
	}
	if err != nil {
		l.options.Logger.Error("the audit log has an action that was not done", "action", e.Action, "target", e.Target, "error", err)
	}
}

// told counts and logs what could not be written.
func (l *Log) told(ctx context.Context, events []Event, err error) error {
	if err == nil {
		return nil
	}
	l.lost.Add(int64(len(events)))
	for _, e := range events {
		l.options.Logger.ErrorContext(ctx, "an audit record could not be written", "action", e.Action, "target", short(e.Target), "error", err)
	}
	return fmt.Errorf("audit: %w", err)
}

// Lost counts what could not be recorded.
func (l *Log) Lost() int64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

// Reopen closes the file and opens it again by its path, for who has moved it.
func (l *Log) Reopen() error {
	if l == nil || l.file == nil {
		return nil
	}
	return l.turns.do(l.file.open, func(error) {})
}

// Close closes the file. A disk that hangs is left alone: each record that it has cost is
// told.
func (l *Log) Close() error {
	if l == nil || l.file == nil {
		return nil
	}
	l.file.closed.Store(true)
	_ = l.turns.do(func() error { l.file.close(); return nil }, func(error) {})
	return nil
}

// write writes records, and calls late where they come to the disk later than anybody
// waits.
func (l *Log) write(ctx context.Context, events []Event, late func(error)) error {
	if l.file == nil {
		return l.log(ctx, events)
	}
	lines, err := linesOf(events)
	if err != nil {
		return err
	}
	return l.turns.do(func() error { return l.file.append(lines) }, late)
}

// log has records among the lines of the log.
func (l *Log) log(ctx context.Context, events []Event) error {
	var errs []error
	for _, e := range events {
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "audit", 0)
		record.AddAttrs(e.attributes()...)
		errs = append(errs, l.options.Logger.Handler().Handle(ctx, record)) // past Enabled: no level applies
	}
	return errors.Join(errs...)
}

func linesOf(events []Event) ([]byte, error) {
	var lines []byte
	for _, e := range events {
		line, err := json.Marshal(e.record(time.Now()))
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// record is an event as a line has it.
type record struct {
	Time    string `json:"time"`
	Message string `json:"msg"`
	Action  string `json:"action"`
	Kind    Kind   `json:"actor.kind"`
	Name    string `json:"actor.name,omitempty"`
	Address string `json:"client.address,omitempty"`
	Target  string `json:"target,omitempty"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (e Event) record(now time.Time) record {
	r := record{
		Time: now.UTC().Format(recordsTimeLayout), Message: "audit", Action: e.Action,
		Kind: e.Actor.Kind, Name: short(e.Actor.Name), Address: e.Actor.Address,
		Target: short(e.Target), Before: short(e.Before), After: short(e.After), Reason: short(e.Reason),
	}
	if e.Err != nil {
		r.Error = short(e.Err.Error())
	}
	return r
}

// attributes are those members of a record that have a value.
func (e Event) attributes() []slog.Attr {
	r := e.record(time.Time{})
	all := []slog.Attr{slog.String("action", r.Action), slog.String("actor.kind", string(r.Kind))}
	for _, one := range []struct{ key, value string }{
		{"actor.name", r.Name},
		{"client.address", r.Address},
		{"target", r.Target},
		{"before", r.Before},
		{"after", r.After},
		{"reason", r.Reason},
		{"error", r.Error},
	} {
		if one.value != "" {
			all = append(all, slog.String(one.key, one.value))
		}
	}
	return all
}

// short bounds a text.
func short(text string) string {
	if len(text) <= longestText {
		return text
	}
	end := longestText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
