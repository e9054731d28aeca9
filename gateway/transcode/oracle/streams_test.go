package oracle_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// chunks is a ResponseWriter that remembers what was written between flushes.
type chunks struct {
	header http.Header
	status int
	sent   http.Header // the header at the first byte
	chunks []string
	open   strings.Builder
}

func newChunks() *chunks { return &chunks{header: http.Header{}} }

func (c *chunks) Header() http.Header { return c.header }

func (c *chunks) WriteHeader(status int) {
	if c.status == 0 {
		c.status, c.sent = status, c.header.Clone()
	}
}

func (c *chunks) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.open.Write(p)
}

func (c *chunks) Flush() {
	c.WriteHeader(http.StatusOK)
	c.chunks = append(c.chunks, c.open.String())
	c.open.Reset()
}

// streamed is what matters of a streamed response.
type streamed struct {
	Status int
	Header http.Header
	Chunks []any // a value for each flush
	Rest   any
}

func stream(h http.Handler, r *http.Request) streamed {
	w := newChunks()
	h.ServeHTTP(w, r)
	s := streamed{Status: w.status, Header: w.sent, Rest: values(w.open.String())}
	for _, chunk := range w.chunks {
		s.Chunks = append(s.Chunks, delimited(chunk))
	}
	s.Header.Del("Connection") // says how the connection ends, and not what was sent
	return s
}

// delimited reads a chunk as a value and what ends it.
func delimited(chunk string) [2]any {
	text := strings.TrimRight(chunk, "\n;")
	return [2]any{values(text), chunk[len(text):]}
}

// TestStreams compares streams chunk by chunk.
func TestStreams(t *testing.T) {
	up := start(t)
	muxes := map[string][]runtime.ServeMuxOption{
		"default":    nil,
		"unchunked":  {runtime.WithDisableChunkedEncoding()},
		"other JSON": {runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{UseProtoNames: true}})},
		"semicolons": {runtime.WithMarshalerOption(runtime.MIMEWildcard, semicolons{&runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{}}})},
	}
	for name, options := range muxes {
		for _, f := range forms() {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				p := f.serve(t, up, options...)
				for _, q := range streamTable() {
					t.Run(strings.ReplaceAll(q.line+" "+q.body+" "+q.header, "/", "|"), func(t *testing.T) {
						want, got := stream(p.stock, q.http()), stream(p.ours, q.http())
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("response (-stock +ours):\n%s", diff)
						}
					})
				}
			})
		}
	}
}

// semicolons is a marshaler with a delimiter and a stream type of its own.
type semicolons struct{ runtime.Marshaler }

func (semicolons) Delimiter() []byte            { return []byte(";\n") }
func (semicolons) StreamContentType(any) string { return "text/semicolons" }

func streamTable() (found requests) {
	found.add("", "", "GET /v1/repeat/0", "GET /v1/repeat/1", "GET /v1/repeat/3?a_string=x", "GET /v1/repeat/x", "GET /v1/repeat/2?nosuch=1", "GET /v1/repeat/1?a_status.code=5&a_status.message=gone",
		"GET /v1/repeat/1?a_status.code=5&a_status.message=gone&a_status.after=2", "GET /v1/download/3?a_string=x", "GET /v1/download/0", "GET /v1/download/2?a_status.code=13", "GET /v4/closed/2:follow", "GET /v4/closed/x:follow", "PUT /v1/repeat")
	found.add("", "Grpc-Timeout: x", "GET /v1/repeat/1", "POST /v1/collect", "POST /v1/chat")
	found.add("", "Authorization: x\nTE: trailers", "GET /v1/repeat/1", "POST /v1/collect", "POST /v1/chat")
	for _, body := range []string{
		``, `{}`, `{"anInt32":2,"inner":{"name":"a"},"strings":["a"]}`, `{"anInt32":2}`, `{"anInt32":"x"}`, `{"anInt32":1}{"anInt32":2} {"anInt32":3}`, "{\"aString\":\"a\"}\n{\"aString\":\"b\"}\n", "{\"aString\":\"a\"}\n{\"aString\":1}\n{\"aString\":\"c\"}",
		`{"aString":"a"} {`, `junk`, `{"aStatus":{"code":5,"message":"gone"}}`, "{\"aString\":\"a\"}{\"aStatus\":{\"code\":5}}", `{"aStatus":{"code":5,"after":2}}`, `[{"aString":"a"}]`, `null`, `{"nosuch":1}`, `{"contentType":"text/plain","data":"aGk="}{"data":"aGk="}`, `{"name":"a"}{"names":["b"]}`,
	} {
		found.add(body, "", "POST /v1/repeat", "POST /v1/repeat/inner", "POST /v1/repeat/strings", "POST /v1/collect", "POST /v1/collect/strings", "POST /v1/chat", "POST /v1/upload", "POST /venta.oracle.v1.Optioned/UnruledStream")
	}
	return found
}
