package transcode

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// messages reads a request's body as a sequence of messages.
type messages struct {
	x       *exchange
	body    *boundedBody // nil: a message may have any size
	decoder runtime.Decoder
	ruler   ruler // nil: the decoder does not tell how long messages are
}

// ruler is a decoder that tells how far it has read, as json.Decoder does. More
// passes over the space in front of a message.
type ruler interface {
	More() bool
	InputOffset() int64
}

func (x *exchange) messages() *messages {
	m := &messages{x: x}
	body := io.Reader(x.r.Body)
	if limit := x.options.MaxRequestBytes; limit > 0 {
		m.body = &boundedBody{Reader: body, limit: limit}
		body = m.body
	}
	switch {
	case !x.options.DropIn && isHTTPBody(descriptor(x.method.Call.NewRequest())):
		m.decoder = &chunks{contentType: x.r.Header.Get("Content-Type"), body: body}
	case isJSON(x.inbound):
		// It ends with its body, as the stream does, and is not given back.
		m.decoder = x.inbound.NewDecoder(guarded(context.Background(), body, false))
	default:
		m.decoder = x.inbound.NewDecoder(body)
	}
	m.ruler, _ = m.decoder.(ruler)
	return m
}

// next sends the next message. It returns io.EOF behind the last one, and when
// the upstream wants no more; then the stream's status says why.
func (m *messages) next(stream grpc.ClientStream) error {
	request := m.x.method.Call.NewRequest()
	if err := m.decode(request); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return m.x.badRequest(err)
	}
	return stream.SendMsg(request)
}

// decode reads one message within the bound.
func (m *messages) decode(into proto.Message) error {
	if m.body == nil {
		return m.decoder.Decode(into)
	}
	m.body.left = m.body.limit
	if m.ruler == nil {
		return m.decoder.Decode(into)
	}
	m.ruler.More()
	m.body.left = m.body.limit // the space is no part of the message
	start := m.ruler.InputOffset()
	err := m.decoder.Decode(into)
	if m.ruler.InputOffset()-start > m.body.limit {
		return &http.MaxBytesError{Limit: m.body.limit}
	}
	return err
}

// boundedBody bounds what is read for one message. What a decoder reads ahead
// counts for the message before, so that up to twice the bound is read before a
// message is refused, and one within the bound never is. A decoder that is no
// ruler accepts what it has read until then.
type boundedBody struct {
	io.Reader
	limit, left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &http.MaxBytesError{Limit: b.limit}
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// chunkSize is the most that one google.api.HttpBody of a stream holds.
const chunkSize = 32 << 10

// chunks reads a body in a format of its own as google.api.HttpBody messages.
// The first one has the content type.
type chunks struct {
	contentType string
	body        io.Reader
}

// Decode implements runtime.Decoder.
func (c *chunks) Decode(into any) error {
	chunk := make([]byte, chunkSize)
	n, err := io.ReadAtLeast(c.body, chunk, 1)
	if err != nil {
		return err
	}
	fillHTTPBody(into.(proto.Message).ProtoReflect(), c.contentType, chunk[:n])
	c.contentType = ""
	return nil
}
