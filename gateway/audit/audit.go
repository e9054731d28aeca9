// Package audit keeps a log of who has changed what of a process, when and why. It is
// apart from all other logs: no level and no sampling applies to it, and what cannot
// be recorded is not lost in silence.
//
// A record is one line of JSON. In a file of its own it is on the disk when [Log.Record]
// returns; the file is only ever appended to, and opened anew when somebody has renamed
// or removed it.
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
}

// Log is an audit log. It is safe for concurrent use; its methods do nothing on a nil
// Log.
type Log struct {
	options Options
	file    *file // nil: there is none
	lost    atomic.Int64
}

// Open opens the log. It must be closed.
func Open(o Options) (*Log, error) {
	if o.Logger == nil {
		return nil, errors.New("audit: no Logger")
	}
	l := &Log{options: o}
	if o.File == "" {
		return l, nil
	}
	l.file = &file{path: o.File}
	if err := l.file.open(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return l, nil
}

// Record writes what happened. With an error it is not recorded, which is counted
// ([Log.Lost]) and logged: this is for what has happened, or will in any case. Ask
// [Log.Guard] before what need not be done.
func (l *Log) Record(ctx context.Context, e Event) error {
	if l == nil {
		return nil
	}
	err := l.write(ctx, e)
	if err == nil {
		return nil
	}
	l.lost.Add(1)
	l.options.Logger.ErrorContext(ctx, "an audit record could not be written", "action", e.Action, "error", err)
	return fmt.Errorf("audit: %w", err)
}

// Guard records an action before it is done. With an error it must not be done: it
// cannot be recorded, and records are required.
func (l *Log) Guard(ctx context.Context, e Event) error {
	if err := l.Record(ctx, e); err != nil && l.options.Required {
		return err
	}
	return nil
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
	return l.file.reopen()
}

// Close closes the file.
func (l *Log) Close() error {
	if l == nil || l.file == nil {
		return nil
	}
	return l.file.Close()
}

func (l *Log) write(ctx context.Context, e Event) error {
	now := time.Now()
	if l.file == nil {
		record := slog.NewRecord(now, slog.LevelInfo, "audit", 0)
		record.AddAttrs(e.attributes()...)
		return l.options.Logger.Handler().Handle(ctx, record) // past Enabled: no level applies
	}
	line, err := json.Marshal(e.record(now))
	if err != nil {
		return err
	}
	return l.file.append(append(line, '\n'))
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
