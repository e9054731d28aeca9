package listener

import (
	"bufio"
	"container/list"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// part is how much of a response is written under one deadline.
	part = 64 << 10
	// smallest is the least part of a response that counts as waiting.
	smallest = 4 << 10
	// slowest is the rate by which a part's time is measured where none is demanded.
	slowest = 1 << 10
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// deadliner is a server's own response.
type deadliner interface {
	http.ResponseWriter
	SetWriteDeadline(time.Time) error
}

// handler bounds how long responses may take to be sent.
func (g *Guard) handler(next http.Handler, writeTimeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handled(r)
		if r.Method == http.MethodOptions && r.RequestURI == "*" { // of the server, not of a route
			w.Header().Set("Content-Length", "0")
			return
		}
		to, ok := w.(deadliner)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		bounded := &response{deadliner: to, guard: g}
		if writeTimeout > 0 {
			bounded.end = time.Now().Add(writeTimeout)
		}
		next.ServeHTTP(bounded, r)
		bounded.finish()
	})
}

// response is one on its way to a client. A handler that sets a deadline of its own,
// or calls Unbound, has no other bound.
type response struct {
	deadliner
	guard *Guard
	end   time.Time // of the server's own bound; zero: it has none
	free  bool

	sent   int64
	waited time.Duration // for the client to take that

	size  int64         // of the part of it that waits; it and place are the guard's
	place *list.Element // nil: it does not wait, or not any more

	mu      sync.Mutex // around the deadline of a part
	writing bool
	cut     bool
}

// Unbound lets a stream take its time.
func (w *response) Unbound() { w.free = true }

// Unwrap serves http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.deadliner }

// SetWriteDeadline serves http.ResponseController.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.free = true
	return w.deadliner.SetWriteDeadline(t)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError serves http.ResponseController.
func (w *response) FlushError() error {
	flush := http.NewResponseController(w.deadliner).Flush
	if w.free {
		return flush()
	}
	_, err := w.timed(0, func() (int, error) { return 0, flush() })
	return err
}

// Hijack implements http.Hijacker. Whoever takes the connection over bounds it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.free = true
	return http.NewResponseController(w.deadliner).Hijack()
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.free {
		return w.deadliner.Write(p)
	}
	if len(p) >= smallest {
		for _, over := range w.guard.unsent.add(w, int64(len(p)), w.guard.options.MaxUnsentBytes) {
			w.guard.cutUnsent.Add(1)
			over.endNow()
		}
		defer w.guard.unsent.remove(w)
	}
	written := 0
	for {
		n, err := w.writePart(p[written:min(len(p), written+part)])
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
		w.guard.unsent.took(w)
	}
}

// writePart writes what has a deadline of its own.
func (w *response) writePart(p []byte) (int, error) {
	return w.timed(len(p), func() (int, error) { return w.deadliner.Write(p) })
}

// timed sends something under a deadline. Only then is the client waited for: how
// long the handler takes before and after is its own affair.
func (w *response) timed(size int, send func() (int, error)) (int, error) {
	began := time.Now()
	deadline := w.deadline(began, size)
	if !w.enter(deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := send()
	w.leave()
	now := time.Now()
	w.sent += int64(n)
	w.waited += now.Sub(began)
	if err != nil && !now.Before(deadline) {
		w.guard.cutSlow.Add(1)
	}
	return n, err
}

// finish bounds what the server still holds of the response once its handler has
// ended. One that was cut off must not seem whole.
func (w *response) finish() {
	if w.free {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	deadline := w.deadline(time.Now(), 0)
	if w.cut {
		deadline = past
	}
	_ = w.deadliner.SetWriteDeadline(deadline)
}

// deadline is when a part must have been taken: StallTimeout from now, and as long
// as the least rate needs for it; and no later than that rate needs for everything
// until then.
func (w *response) deadline(now time.Time, size int) time.Time {
	stall, rate := w.guard.options.StallTimeout, w.guard.options.MinRate
	deadline := now.Add(stall + lasts(int64(size), max(rate, slowest)))
	if average := now.Add(stall + lasts(w.sent+int64(size), rate) - w.waited); rate > 0 && average.Before(deadline) {
		deadline = average
	}
	if !w.end.IsZero() && w.end.Before(deadline) {
		deadline = w.end
	}
	return deadline
}

// lasts is how long bytes take at a rate.
func lasts(size, rate int64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(size) / float64(rate) * float64(time.Second))
}

// enter begins a part, unless the response was cut off.
func (w *response) enter(deadline time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return false
	}
	w.writing = true
	_ = w.deadliner.SetWriteDeadline(deadline) // a connection that has none is not slow either
	return true
}

// leave ends a part. HTTP/2 resets a stream whose deadline is over, whether or not
// something is written.
func (w *response) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = false
	if !w.cut {
		_ = w.deadliner.SetWriteDeadline(w.end)
	}
}

// endNow cuts the response off. Its handler goes on with an error.
func (w *response) endNow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	if w.writing {
		_ = w.deadliner.SetWriteDeadline(past)
	}
}
