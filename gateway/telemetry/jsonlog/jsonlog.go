// Package jsonlog writes structured logs as lines of JSON, many lines with one
// system call.
//
// A line waits in memory for others, but for no longer than [Options].Delay and
// until [Options].MaxBytes wait. A line of level WARN or above, and all that
// wait before it, is written at once. [Handler.Close] writes the rest, so that
// a process that ends in an orderly way loses nothing. One that crashes, or is
// killed, loses the lines that wait: at most those of the last Delay, all below
// WARN.
package jsonlog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// The defaults of [Options].
const (
	DefaultDelay    = 100 * time.Millisecond
	DefaultMaxBytes = 64 << 10
)

// Options are the choices of [New]. The zero value is ready for use; a bound
// that is not positive is the default.
type Options struct {
	// Level is the least level that is written. Default: slog.LevelInfo.
	Level slog.Leveler
	// Delay is the longest that a line waits. Default: [DefaultDelay].
	Delay time.Duration
	// MaxBytes is how much waits before it is written; a longer line does not
	// wait. Default: [DefaultMaxBytes].
	MaxBytes int
}

func (o Options) withDefaults() Options {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	if o.Delay <= 0 {
		o.Delay = DefaultDelay
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	return o
}

// Handler is a slog.Handler whose lines are those of slog.JSONHandler. It is
// safe for concurrent use. Handlers derived from it share its writer, and its
// end.
type Handler struct {
	slog.Handler
	batch *batch
}

// New returns a handler that writes to w, which is called by one goroutine at a
// time. The caller must Close it.
func New(w io.Writer, o Options) *Handler {
	o = o.withDefaults()
	b := newBatch(w, o)
	return &Handler{urgent{slog.NewJSONHandler(b, &slog.HandlerOptions{Level: o.Level}), b}, b}
}

// WriteLine writes a line of the given level that is JSON already, without the
// newline at its end. It does not keep the slice. Whether the level is written
// at all is for the caller to know, by Enabled.
func (h *Handler) WriteLine(level slog.Level, line []byte) error {
	return h.batch.add(line, true, level >= slog.LevelWarn)
}

// Close writes all that waits. What is logged later is written at once. The
// error is the first that the writer has returned, since the handler was made:
// its lines are lost.
func (h *Handler) Close() error { return h.batch.close() }

// urgent does not let warnings wait.
type urgent struct {
	slog.Handler
	batch *batch
}

// Handle implements slog.Handler.
func (u urgent) Handle(ctx context.Context, r slog.Record) error {
	err := u.Handler.Handle(ctx, r)
	if r.Level < slog.LevelWarn {
		return err
	}
	return errors.Join(err, u.batch.flush())
}

// WithAttrs implements slog.Handler.
func (u urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgent{u.Handler.WithAttrs(attrs), u.batch}
}

// WithGroup implements slog.Handler.
func (u urgent) WithGroup(name string) slog.Handler {
	return urgent{u.Handler.WithGroup(name), u.batch}
}
