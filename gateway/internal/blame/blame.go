// Package blame tells who caused the failure of a call: the upstream, or the
// request and the gateway in front of it. Whoever charges failures (breakers,
// ejection, retries, adaptive bounds) charges the upstream's alone.
//
// It tells by where a failure arose and by what was to be sent, never by an error's
// text, which any upstream can write and any version of gRPC change:
//
//   - An attempt without a stream was never sent. gRPC fills in the trailer of a
//     call exactly when it had opened a stream.
//   - A response that is a status alone ("Trailers-Only") is what the upstream said;
//     a refusal behind headers and without a trailer is gRPC's own, of a message
//     over the bound here.
//   - What cannot be encoded, is nested deeper than protobuf reads, has fields that
//     HTTP/2 forbids, or is larger than servers take, explains the refusal of it.
//     This is looked at only after a failure of such a status, so that a call that
//     succeeds pays nothing.
package blame

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Fault is who or what caused a failure.
type Fault int

// The causes of failures.
const (
	// Upstream: it said so, or could not be reached, or nothing else is known.
	Upstream Fault = iota
	// Malformed is a request that cannot be encoded, or that no upstream reads.
	Malformed
	// RequestTooLarge is a message over the bound of the connection, or of servers.
	RequestTooLarge
	// HeadersTooLarge is metadata over what the upstream announced that it takes.
	HeadersTooLarge
	// ResponseTooLarge is a message over the bound here, or over the upstream's own.
	ResponseTooLarge
	// Unsent is what the connection refused for a reason of its own, such as
	// credentials that it could not get.
	Unsent
)

// Conn is what is known of a connection.
type Conn struct {
	// Remote tells that it is one of gRPC's own, which fills in what calls ask for.
	Remote bool
	// Encodes tells that messages are encoded, as they are not within a process.
	Encodes bool
	// MaxSendBytes bounds its requests. 0: not known.
	MaxSendBytes int
}

// seen is what an attempt showed of itself.
type seen struct {
	opened          bool // it had a stream
	header, trailer metadata.MD
	headerUnknown   bool // nobody has asked for it
}

// refusedHere reports whether a bound here, of the size of responses, ended the
// attempt: gRPC has headers of a response then, and neither a trailer nor details of
// a status, as the upstream's end was not waited for.
func (s seen) refusedHere(st *status.Status) bool {
	return s.opened && st.Code() == codes.ResourceExhausted && len(st.Proto().GetDetails()) == 0 &&
		len(s.trailer) == 0 && (s.headerUnknown || s.header != nil)
}

// inlineOptions is how many call options an attempt has room for: what retries and
// the edge pass, and its own.
const inlineOptions = 8

// Attempt watches one attempt of a unary call.
type Attempt struct {
	header, trailer *metadata.MD // nil: not asked for
	own             metadata.MD
	room            [inlineOptions]grpc.CallOption
}

// Options returns the options of the attempt with what the watch needs, and more.
func (a *Attempt) Options(options, more []grpc.CallOption) []grpc.CallOption {
	all := append(append(a.room[:0], options...), more...)
	for _, option := range options {
		switch given := option.(type) { // one of each is enough: it costs a map
		case grpc.HeaderCallOption:
			a.header = given.HeaderAddr
			*a.header = nil
		case grpc.TrailerCallOption:
			a.trailer = given.TrailerAddr
			*a.trailer = nil
		}
	}
	if a.trailer == nil {
		a.trailer = &a.own
		all = append(all, grpc.Trailer(a.trailer))
	}
	return all
}

// Opened reports, behind a failure of an attempt on a remote connection, whether it
// had a stream, and so may have reached the upstream.
func (a *Attempt) Opened() bool { return *a.trailer != nil }

// seen returns what the attempt showed; nil: nothing.
func (a *Attempt) seen() seen {
	if a == nil {
		return seen{}
	}
	s := seen{opened: *a.trailer != nil, trailer: *a.trailer, headerUnknown: a.header == nil}
	if a.header != nil {
		s.header = *a.header
	}
	return s
}
