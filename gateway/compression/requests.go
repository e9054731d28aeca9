package compression

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// RequestOptions say which request bodies are decoded.
type RequestOptions struct {
	// MaxEncodedBytes bounds a body as it is sent; what it holds is for the next
	// handler to bound. 0: there is no bound.
	MaxEncodedBytes int64
	// Undecoded refuses every encoded body.
	Undecoded bool
	// OnError writes the response to a refused request; err is an [*apierror.Error], and
	// Accept-Encoding is set (RFC 7694). It may run concurrently. Required.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

// acceptedCodings is what a refusal tells.
const acceptedCodings = "gzip, br, zstd"

// Requests returns a step that decodes request bodies in gzip, brotli or zstd, so
// that inner steps see, count and bound what they hold. It refuses other encodings,
// and several at once, with 415. It reads nothing by itself: decoding goes as fast as
// the next handler reads, in a memory of 8 MiB at most.
func Requests(o RequestOptions) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if values := r.Header["Content-Encoding"]; len(values) > 0 && r.Body != nil && r.Body != http.NoBody {
				if err := o.decode(w, r, values); err != nil {
					o.OnError(w, r, err)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// decode puts what a body holds in its place.
func (o RequestOptions) decode(w http.ResponseWriter, r *http.Request, values []string) error {
	name := strings.ToLower(strings.TrimSpace(strings.Join(values, ",")))
	if name == "" || name == identity.String() {
		return nil
	}
	coding, known := codingOf(name)
	if !known || coding == others || o.Undecoded {
		return o.refuse(w, name)
	}
	encoded := r.Body
	if o.MaxEncodedBytes > 0 {
		encoded = http.MaxBytesReader(w, encoded, o.MaxEncodedBytes)
	}
	r.Body = &decodedBody{coding: coding, encoded: encoded}
	r.ContentLength = -1
	return nil
}

func (o RequestOptions) refuse(w http.ResponseWriter, name string) error {
	accepted := acceptedCodings
	if o.Undecoded {
		accepted = identity.String()
	}
	w.Header().Set("Accept-Encoding", accepted)
	return &apierror.Error{
		Code: codes.InvalidArgument, Reason: apierror.UnsupportedMediaType, HTTPStatus: http.StatusUnsupportedMediaType,
		Message: fmt.Sprintf("a request body with \"Content-Encoding: %s\" is not read; send it plain or as one of: %s", name, accepted),
	}
}

// decodedBody is what an encoded body holds. Its decoder is made when somebody
// reads.
type decodedBody struct {
	coding  Coding
	encoded io.ReadCloser
	decoder io.Reader
	err     error
}

// Read implements io.Reader.
func (b *decodedBody) Read(p []byte) (int, error) {
	if b.decoder == nil && b.err == nil {
		b.decoder, b.err = newDecoder(b.coding, b.encoded)
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.decoder.Read(p)
	if err != nil {
		b.end(err)
	}
	return n, b.err
}

// end frees the decoder, and says what was wrong with the body.
func (b *decodedBody) end(err error) {
	if z, ok := b.decoder.(*zstd.Decoder); ok {
		z.Close()
	}
	b.decoder, b.err = nil, err
	if errors.Is(err, io.EOF) || errors.As(err, new(*http.MaxBytesError)) {
		return
	}
	b.err = fmt.Errorf("the request body is not valid %s: %w", b.coding, err)
}

// Close implements io.Closer.
func (b *decodedBody) Close() error {
	if b.decoder != nil {
		b.end(io.EOF)
	}
	return b.encoded.Close()
}

// maxWindow bounds a decoder's memory (RFC 9659); brotli's own window is at most
// half of it, as its encoders have it by default.
const (
	maxWindow       = 8 << 20
	maxBrotliWindow = 22 // bits
)

func newDecoder(c Coding, encoded io.Reader) (io.Reader, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(encoded)
	case Zstd:
		return zstd.NewReader(encoded, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	}
	buffered := bufio.NewReader(encoded)
	first, err := buffered.Peek(1)
	if err != nil {
		return nil, err
	}
	if window := brotliWindow(first[0]); window > maxBrotliWindow {
		return nil, fmt.Errorf("the request body has a brotli window of %d bits; %d are read", window, maxBrotliWindow)
	}
	return brotli.NewReader(buffered), nil
}

// brotliWindow reads the size of the window, in bits, from a stream's first byte
// (RFC 7932, section 9.1), where it may be more than 17.
func brotliWindow(first byte) int {
	if first&1 == 0 {
		return 16
	}
	return 17 + int(first>>1&7)
}
