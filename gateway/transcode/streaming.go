package transcode

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/policy"
)

// StreamPresenter presents a stream in another way than newline-delimited JSON, where
// the request asks for it, and reports whether it did.
type StreamPresenter func(w http.ResponseWriter, r *http.Request, s *Streaming) bool

// Streaming is one request of a streaming RPC, for who presents it. Its methods are
// for one goroutine, but for those that say otherwise.
type Streaming struct {
	x       *exchange
	json    runtime.Marshaler // of messages that do not pass through
	options []grpc.CallOption
}

func newStreaming(x *exchange) *Streaming {
	s := &Streaming{x: x}
	if x.passThrough != nil {
		s.options = x.passThrough.options
		return s
	}
	_, s.json = runtime.MarshalerForRequest(x.mux, &http.Request{Header: http.Header{}})
	if x.present.omitNull {
		s.json = withoutNull(s.json)
	}
	return s
}

// Context is that of the call. It ends with the request.
func (s *Streaming) Context() context.Context { return s.x.ctx }

// Cancel ends the call.
func (s *Streaming) Cancel() { s.x.cancel() }

// ServerStreams tells whether the server sends many messages.
func (s *Streaming) ServerStreams() bool { return s.x.method.Call.serverStreams }

// ClientStreams tells whether the client sends many messages.
func (s *Streaming) ClientStreams() bool { return s.x.method.Call.clientStreams }

// Request returns the request that path and query state, as its own copy.
func (s *Streaming) Request() (proto.Message, error) {
	message, err := FromContext(s.x.ctx).messageWithin(s.x.ctx, s.x.r)
	if err != nil {
		return nil, err
	}
	return proto.Clone(message), nil
}

// NewRequest returns an empty request.
func (s *Streaming) NewRequest() proto.Message { return s.x.method.Call.NewRequest() }

// Fill adds to a request what path and query state, which win over what is there.
func (s *Streaming) Fill(request proto.Message) error {
	params := FromContext(s.x.ctx).Params
	err := s.x.path.bind(request, params)
	if err == nil {
		err = s.x.query.bind(s.x.r, request)
	}
	if err != nil {
		return s.x.badRequest(err)
	}
	return nil
}

// Decode reads a request that is no HTTP body: in JSON, as the mux reads it, or
// binary. One goroutine may use it while another uses the rest.
func (s *Streaming) Decode(encoded []byte, binary bool, into proto.Message) error {
	if binary {
		if err := proto.Unmarshal(encoded, into); err != nil {
			return s.x.badRequest(errors.New("the message is not valid"))
		}
		return nil
	}
	inbound, _ := runtime.MarshalerForRequest(s.x.mux, &http.Request{Header: http.Header{}})
	guard := guarded(context.Background(), bytes.NewReader(encoded), false)
	defer guard.free()
	decoder := inbound.NewDecoder(guard)
	err := decoder.Decode(into)
	if err == nil {
		err = ended(decoder)
	}
	if err != nil {
		return s.x.badRequest(err)
	}
	return nil
}

// AppendWire appends a message as it is encoded.
func (s *Streaming) AppendWire(to []byte, message proto.Message) ([]byte, error) {
	if frame, ok := message.(*Frame); ok {
		return append(to, frame.Wire()...), nil
	}
	encoded, err := proto.MarshalOptions{}.MarshalAppend(to, message)
	if err != nil {
		return to, unpresentable(err)
	}
	return encoded, nil
}

// Open opens the upstream's stream.
func (s *Streaming) Open() (grpc.ClientStream, error) { return s.x.startWith(s.options) }

// OpenWith opens the upstream's stream with its only request.
func (s *Streaming) OpenWith(request proto.Message) (grpc.ClientStream, error) {
	stream, err := s.Open()
	if err != nil {
		return nil, err
	}
	return stream, send(stream, request)
}

// Receive returns the stream's next message. Free gives it back.
func (s *Streaming) Receive(stream grpc.ClientStream) (proto.Message, error) {
	if s.x.passThrough != nil { // whose encoder finds what costs too much
		frame := newFrame(s.x.method.Call.NewResponse)
		if err := stream.RecvMsg(frame); err != nil {
			return nil, affordableError(err)
		}
		return frame, nil
	}
	message := s.x.method.Call.NewResponse()
	if err := stream.RecvMsg(message); err != nil {
		return nil, affordableError(err)
	}
	return message, s.x.affordable(s.json, message)
}

// Free gives back what a message holds.
func (*Streaming) Free(message proto.Message) {
	if frame, ok := message.(*Frame); ok {
		frame.free()
	}
}

// AppendJSON appends a message as JSON.
func (s *Streaming) AppendJSON(to []byte, message proto.Message) ([]byte, error) {
	if frame, ok := message.(*Frame); ok {
		encoded, err := s.x.passThrough.encoder.Append(to, frame.Wire())
		if err != nil {
			return to, unpresentable(err)
		}
		return encoded, nil
	}
	var presented any = message
	if s.x.present.body != nil {
		presented = s.x.present.body(message)
	}
	encoded, err := s.json.Marshal(presented)
	if err != nil {
		return to, unpresentable(err)
	}
	return append(to, bytes.TrimSuffix(encoded, []byte("\n"))...), nil
}

// Text returns a field of a message as text, "" where it is not set.
func (*Streaming) Text(message proto.Message, path policy.FieldPath) string {
	if frame, ok := message.(*Frame); ok {
		return wireText(frame.Wire(), path)
	}
	return fieldText(message.ProtoReflect(), path)
}

// Refuse writes the error of a stream whose response has not begun.
func (s *Streaming) Refuse(err error) { s.x.fail(err) }

// Status returns what a client reads of an error once the response has begun, by the
// mux's handler of them. It may be called from any goroutine.
func (s *Streaming) Status(err error) *status.Status {
	s.x.tell(s.x.ctx, err)
	taken := &takenStatus{}
	runtime.HTTPStreamError(s.x.ctx, s.x.mux, taken, &nowhere{}, s.x.r, err)
	if taken.status == nil {
		return status.Convert(err)
	}
	return taken.status
}

// takenStatus is a marshaler that takes the status of an error in place of writing it:
// grpc-gateway has no other way to a mux's handler of errors in streams.
type takenStatus struct {
	runtime.JSONPb
	status *status.Status
}

// Marshal implements runtime.Marshaler.
func (t *takenStatus) Marshal(v any) ([]byte, error) {
	chunk, _ := v.(map[string]proto.Message)
	if st, ok := chunk["error"].(*spb.Status); ok {
		t.status = status.FromProto(st)
	}
	return nil, nil
}

// nowhere is a response that nobody reads.
type nowhere struct{ header http.Header }

// Header implements http.ResponseWriter.
func (n *nowhere) Header() http.Header {
	if n.header == nil {
		n.header = http.Header{}
	}
	return n.header
}

// Write implements http.ResponseWriter.
func (*nowhere) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (*nowhere) WriteHeader(int) {}
