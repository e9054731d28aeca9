// Package requestctx lets the steps of one request leave values for the steps
// behind them in one context, where context.WithValue and
// http.Request.WithContext would copy the request for each.
package requestctx

import (
	"context"
	"net/http"
	"sync/atomic"
)

// room is how many values one context holds: what telemetry, the edge and
// authentication leave, and one more.
const room = 4

// Context is the context of one request, with room for a few values. The zero
// value is of no use: see [Context.Begin]. It may be read by many goroutines
// while one, which serves the request, adds values. It must not be copied.
type Context struct {
	context.Context
	values [room]value
	n      atomic.Int32 // how many there are; a value is complete before it counts
	waits  Waits
	calls  Calls // nil: nobody keeps them
}

type value struct{ key, value any }

// Begin makes c the context of a request, with the first value and whoever keeps its
// calls, or nil. c is part of what its owner allocates for the request, and must not
// serve another one: whoever keeps a context beyond its request must not read another's
// values.
func (c *Context) Begin(parent context.Context, key, first any, calls Calls) {
	c.Context, c.calls = parent, calls
	c.values[0] = value{key, first}
	c.n.Store(1)
}

// Value implements context.Context.
func (c *Context) Value(key any) any {
	switch key {
	case waitsKey{}:
		return &c.waits
	case callsKey{}:
		return c.calls
	}
	for i := range c.n.Load() {
		if c.values[i].key == key {
			return c.values[i].value
		}
	}
	return c.Context.Value(key)
}

// add reports whether there was room. A key that is there already is not
// replaced, as steps further out have seen its value.
func (c *Context) add(key, v any) bool {
	n := c.n.Load()
	if n == room {
		return false
	}
	for i := range n {
		if c.values[i].key == key {
			return false
		}
	}
	c.values[n] = value{key, v}
	c.n.Store(n + 1)
	return true
}

// With returns a request whose context has the value under the key, as
// context.WithValue has it: the request itself where its context is a [Context]
// with room, else a copy. It must be called by the goroutine that serves the
// request, before the steps behind it.
func With(r *http.Request, key, value any) *http.Request {
	if c, ok := r.Context().(*Context); ok && c.add(key, value) {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), key, value))
}
