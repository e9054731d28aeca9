// Package stream presents streaming RPCs to browsers: as server-sent events (the
// WHATWG's HTML, section 9.2) and over WebSocket (RFC 6455). What travels is described
// in docs/streams.md.
//
// It knows nothing of how requests become messages and messages become JSON: an [RPC]
// does. Everything that waits for a client is bounded: by the policy's buffer where
// messages may wait, by the one that is being written where they may not.
package stream

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/policy"
)

// RPC is one request of a streaming RPC, as the edge reads and writes it.
type RPC interface { //nolint:interfacebloat // one request, with its two ends
	// Context is that of the call. Its end ends the stream, and Cancel ends it.
	Context() context.Context
	Cancel()
	ClientStreams() bool
	ServerStreams() bool
	// Request returns a copy of the request that path and query state.
	Request() (proto.Message, error)
	// NewRequest returns an empty request, Decode reads one of a client, in JSON or
	// binary, and Fill adds to it what path and query state. Their errors are for the
	// client.
	NewRequest() proto.Message
	Decode(encoded []byte, binary bool, into proto.Message) error
	Fill(request proto.Message) error
	// Open opens the upstream's stream.
	Open() (grpc.ClientStream, error)
	// OpenWith opens the upstream's stream with its only request.
	OpenWith(request proto.Message) (grpc.ClientStream, error)
	// Receive returns the stream's next message, and Free gives it back.
	Receive(stream grpc.ClientStream) (proto.Message, error)
	Free(message proto.Message)
	// AppendJSON appends a message as JSON, AppendWire as it is encoded.
	AppendJSON(to []byte, message proto.Message) ([]byte, error)
	AppendWire(to []byte, message proto.Message) ([]byte, error)
	// Text returns a field of a message as text, "" where it is not set.
	Text(message proto.Message, path policy.FieldPath) string
	// Refuse writes the error of a stream whose response has not begun.
	Refuse(err error)
	// Status returns what a client reads of an error later.
	Status(err error) *status.Status
}

// Observer is told what a stream passes. Its methods may run at the same time.
type Observer interface {
	// Sent and Received are told a message and its size.
	Sent(bytes int)
	Received(bytes int)
	// Dropped is told how many messages a slow client has lost.
	Dropped(messages int)
	// Ended is told once why the stream has ended: "OK", a gRPC status such as
	// "UNAVAILABLE", or "CLIENT" where the client went.
	Ended(why string)
}

// retryOf returns how long a client waits before it comes again: the policy's time and
// as much again by chance, so that clients which left together come one by one.
func retryOf(p policy.Stream) time.Duration {
	return p.Retry + rand.N(p.Retry) //nolint:gosec // chance, no secret
}

// RetryAfterEnd is how long a client waits that a gateway has sent away with all
// others: up to ten times the policy's time.
func RetryAfterEnd(p policy.Stream) time.Duration {
	return p.Retry + rand.N(9*p.Retry) //nolint:gosec // chance, no secret
}
