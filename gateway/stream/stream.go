package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// The reasons of streams that end because of what their clients do.
const (
	// SlowConsumer is of a client that lets more wait than may.
	SlowConsumer apierror.Reason = "SLOW_CONSUMER"
	// TooManyStreams is of a stream that is one too many.
	TooManyStreams apierror.Reason = "TOO_MANY_STREAMS"
	// ReceivedTooMuch is of a client that has sent more bytes than it may.
	ReceivedTooMuch apierror.Reason = "RECEIVED_TOO_MUCH"
	// UnsupportedFrame is of a frame of a kind that the subprotocol has not.
	UnsupportedFrame apierror.Reason = "UNSUPPORTED_FRAME"
	// TicketsUnavailable is of a ticket that cannot be kept or looked up.
	TicketsUnavailable apierror.Reason = "TICKETS_UNAVAILABLE"
	// OriginDenied is of a page that may not open a WebSocket.
	OriginDenied apierror.Reason = "ORIGIN_DENIED"
	// UpgradeRequired is of a request that opens no WebSocket where one is all there is.
	UpgradeRequired apierror.Reason = "UPGRADE_REQUIRED"
)

// Options is what streams need beside their policy.
type Options struct {
	// Input and Output are the RPC's messages. Required.
	Input, Output protoreflect.MessageDescriptor
	// Ended returns what a client is told of a stream that the gateway itself has ended
	// with its context, or err. Default: err.
	Ended func(ctx context.Context, err error) error
	// Total is what all streams of the process are counted in. Required.
	Total *Total
	// MayCall tells whether a page may open a WebSocket, by its Origin. Default: any may.
	MayCall func(r *http.Request) bool
	// Observe, where set, is told of each stream as its response begins, by what it is
	// presented as: "sse" or "websocket".
	Observe func(as string) Observer
}

// Streams presents the streams of one RPC. It is safe for concurrent use.
type Streams struct {
	policy  policy.Stream
	options Options
	fields  fields
}

// New returns what presents streams by a policy. The error names a field that is none.
func New(p policy.Stream, o Options) (*Streams, error) {
	if o.Ended == nil {
		o.Ended = func(_ context.Context, err error) error { return err }
	}
	if o.Observe == nil {
		o.Observe = func(string) Observer { return unobserved{} }
	}
	s := &Streams{policy: p, options: o}
	for _, field := range []struct {
		path string
		of   protoreflect.MessageDescriptor
		into *policy.FieldPath
	}{{p.ResumeField, o.Input, &s.fields.resume}, {p.IDField, o.Output, &s.fields.id}, {p.EventField, o.Output, &s.fields.event}} {
		if field.path == "" {
			continue
		}
		var err error
		if *field.into, err = policy.ResolveFieldPath(field.of, field.path); err != nil {
			return nil, fmt.Errorf("stream: %w", err)
		}
	}
	return s, nil
}

// failure returns what a client is told of an error, and the metrics.
func (s *Streams) failure(ctx context.Context, err error) error {
	if errors.Is(err, errSlow) {
		return &apierror.Error{Code: codes.ResourceExhausted, Reason: SlowConsumer, Message: "more of the stream waits for the client than may", RetryAfter: s.policy.Retry}
	}
	return s.options.Ended(ctx, err)
}

// unobserved is an observer of nothing.
type unobserved struct{}

// Sent implements [Observer].
func (unobserved) Sent(int) {}

// Received implements [Observer].
func (unobserved) Received(int) {}

// Dropped implements [Observer].
func (unobserved) Dropped(int) {}

// Ended implements [Observer].
func (unobserved) Ended(string) {}

// AcceptsEvents tells whether a client asks for server-sent events.
func AcceptsEvents(r *http.Request) bool {
	return r.Method == http.MethodGet && accepts(r.Header["Accept"], "text/event-stream")
}
