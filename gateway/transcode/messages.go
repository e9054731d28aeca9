package transcode

import (
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
}

func (x *exchange) messages() *messages {
	m := &messages{x: x}
	body := io.Reader(x.r.Body)
	if limit := x.options.MaxRequestBytes; limit > 0 {
		m.body = &boundedBody{Reader: body, limit: limit}
		body = m.body
	}
	if m.decoder = x.inbound.NewDecoder(body); !x.options.DropIn && isHTTPBody(descriptor(x.method.Call.NewRequest())) {
		m.decoder = &chunks{contentType: x.r.Header.Get("Content-Type"), body: body}
	}
	return m
}

// next sends the next message. It returns io.EOF behind the last one, and when
// the upstream wants no more; then the stream's status says why.
func (m *messages) next(stream grpc.ClientStream) error {
	if m.body != nil {
		m.body.left = m.body.limit
	}
	request := m.x.method.Call.NewRequest()
	if err := m.decoder.Decode(request); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return m.x.badRequest(err)
	}
	return stream.SendMsg(request)
}

// boundedBody bounds what is read for one message. What a decoder reads ahead
// counts for the message before, so that a message may be up to twice the bound
// before it is refused, and one within the bound never is.
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
