package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// beginAfter is how long an upstream may take before a client is told that its stream
// has begun. What fails until then has an HTTP status of its own.
const beginAfter = time.Second

// ServeEvents serves a server's stream as server-sent events.
func (s *Streams) ServeEvents(w http.ResponseWriter, r *http.Request, rpc RPC) {
	request, err := rpc.Request()
	if err != nil {
		rpc.Refuse(err)
		return
	}
	e := &events{Streams: s, rpc: rpc, w: w, control: http.NewResponseController(w), observer: s.options.Observe("sse")}
	e.source = &source{rpc: rpc, fields: s.fields, request: request, reset: e.reset}
	e.outbox = &outbox{rule: s.policy.SlowConsumer, limit: s.policy.BufferBytes, write: e.message, told: e.dropped}
	e.mu.Lock()
	e.timer = time.AfterFunc(min(beginAfter, s.policy.Heartbeat), e.beat)
	e.mu.Unlock()
	stop := context.AfterFunc(rpc.Context(), e.hurry)
	defer stop()
	err = e.source.place(lastEvent(r))
	if err == nil {
		err = e.forward()
	}
	e.end(err)
}

// events is one stream of events while it is served.
type events struct {
	*Streams
	rpc     RPC
	w       http.ResponseWriter
	control *http.ResponseController
	source  *source
	outbox  *outbox
	buffer  []byte

	observer Observer
	hurried  atomic.Bool // the stream has ended, whatever its client does

	mu     sync.Mutex // around the response
	began  bool
	closed bool
	last   time.Time // when something was written
	timer  *time.Timer
}

// lastWords is how long a client has for what is written once its stream has ended.
const lastWords = 5 * time.Second

// largestKept is the room that a silent stream keeps for its next message.
const largestKept = 2 << 10

// forward sends messages until the stream ends. It returns io.EOF for a good end.
func (e *events) forward() error {
	for {
		message, err := e.source.next()
		if err != nil {
			return err
		}
		encoded, err := e.encode(message)
		e.rpc.Free(message)
		if err == nil {
			err = e.outbox.send(encoded)
		}
		if err != nil {
			return err
		}
		if e.buffer = encoded[:0]; e.outbox.owns() || cap(encoded) > largestKept {
			e.buffer = nil
		}
	}
}

// encode makes an event of a message.
func (e *events) encode(message proto.Message) ([]byte, error) {
	id, name := "", ""
	if e.fields.id != nil {
		id = e.rpc.Text(message, e.fields.id)
	}
	if e.fields.event != nil {
		if name = e.rpc.Text(message, e.fields.event); reserved(name) {
			name = ""
		}
	}
	event := appendEvent(e.buffer, id, name)
	begin := len(event)
	event, err := e.rpc.AppendJSON(event, message)
	return appendData(event, begin), err
}

// begin writes the response's head. The lock is held.
func (e *events) begin() {
	if e.began {
		return
	}
	e.began = true
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx and those that follow it would hold events back
	e.w.WriteHeader(http.StatusOK)
	_, _ = e.w.Write(appendRetry(nil, retryOf(e.policy))) // what comes next says whether it is read
}

// put writes to the response at once. A client that takes nothing for two heartbeats is
// gone.
func (e *events) put(text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.putLocked(text)
}

func (e *events) putLocked(text []byte) error {
	if e.closed {
		return context.Canceled
	}
	e.bound(2 * e.policy.Heartbeat)
	e.begin()
	_, err := e.w.Write(text)
	if err == nil {
		err = e.control.Flush()
	}
	e.last = time.Now()
	return err
}

// bound gives the client so long for what is written. A response that has no deadlines
// is a test's.
func (e *events) bound(patience time.Duration) {
	if e.hurried.Load() {
		patience = min(patience, lastWords)
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(patience))
}

// hurry ends the wait for a client that takes nothing.
func (e *events) hurry() {
	e.hurried.Store(true)
	e.bound(lastWords)
}

func (e *events) message(event []byte) error {
	err := e.put(event)
	if err == nil {
		e.observer.Sent(len(event))
	}
	return err
}

func (e *events) reset() error { return e.put(appendReset(nil)) }

// dropped tells how many messages the client has lost.
func (e *events) dropped(messages int) error {
	e.observer.Dropped(messages)
	return e.put(appendOwn(nil, eventDrop, countJSON(messages)))
}

// beat begins a response that its upstream lets wait, and breaks the silence of one that
// has begun: proxies end what is silent.
func (e *events) beat() {
	if !e.mu.TryLock() {
		e.timer.Reset(e.policy.Heartbeat) // something is being written
		return
	}
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	silent := time.Since(e.last)
	if !e.began || silent >= e.policy.Heartbeat {
		_ = e.putLocked([]byte(":\n\n")) // the next message says whether the client is there
		silent = 0
	}
	e.timer.Reset(e.policy.Heartbeat - silent)
}

// end writes why the stream has ended.
func (e *events) end(err error) {
	defer e.close()
	ctx := e.rpc.Context()
	e.outbox.flush(ctx.Done())
	why := err
	if !errors.Is(err, io.EOF) {
		why = e.failure(ctx, err)
	}
	if e.refused(why) {
		return
	}
	if errors.Is(why, io.EOF) {
		_ = e.put(appendOwn(nil, eventEnd, []byte("{}")))
		e.observer.Ended("OK")
		return
	}
	st := e.rpc.Status(why)
	text := appendRetry(nil, retryAfter(st, e.policy))
	_ = e.put(appendOwn(text, eventError, statusJSON(st)))
	e.observer.Ended(endOf(ctx, why, st))
}

// refused ends a response that has not begun: with 204, at which browsers come no more,
// or with the error's own HTTP status.
func (e *events) refused(why error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.began {
		return false
	}
	e.began, e.closed = true, true
	if errors.Is(why, io.EOF) {
		e.w.WriteHeader(http.StatusNoContent)
		e.observer.Ended("OK")
		return true
	}
	e.rpc.Refuse(why)
	e.observer.Ended(endOf(e.rpc.Context(), why, status.Convert(why)))
	return true
}

// close lets nothing be written any more: the response is the server's again.
func (e *events) close() {
	e.mu.Lock()
	e.closed = true
	e.timer.Stop()
	e.mu.Unlock()
	e.outbox.discard(context.Canceled)
	_ = e.control.SetWriteDeadline(time.Time{}) // the connection may serve another request
}

// endOf names an end for metrics. A client that went is no failure.
func endOf(ctx context.Context, why error, st *status.Status) string {
	if ctx.Err() != nil && status.Code(why) == codes.Canceled {
		return "CLIENT"
	}
	return codeName(st.Code())
}

// statusJSON returns a status as JSON, the one form that errors have.
func statusJSON(st *status.Status) []byte {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(st.Proto())
	if err != nil { // of a detail that nobody knows
		text, _ = protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(status.New(st.Code(), st.Message()).Proto())
	}
	return text
}
