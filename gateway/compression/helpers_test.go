package compression_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway/compression"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// codings are the names that clients and servers use.
var codings = []string{"gzip", "br", "zstd"}

func wrap(t testing.TB, o compression.Options, next http.HandlerFunc) http.Handler {
	t.Helper()
	middleware, err := compression.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return middleware(next)
}

// list is a list of vendors as JSON, of about as many bytes.
func list(size int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("taco cart corner fresh river north coffee smoked golden market street family old noodle grill best fruit and the of")
	var b bytes.Buffer
	b.WriteString(`{"vendors":[`)
	for b.Len() < size {
		fmt.Fprintf(&b, `{"id":"%08x-%04x-7a11-8f00-%012x","name":"%s %s","description":"`, rng.Uint32(), rng.IntN(1<<16), rng.Uint64N(1<<48),
			words[rng.IntN(len(words))], words[rng.IntN(len(words))])
		for range 8 + rng.IntN(20) {
			b.WriteString(words[rng.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&b, `","email":"owner%d@example.com","coordinates":{"lat":%.6f,"lng":%.6f},"is_open":%t},`,
			rng.IntN(1e6), rng.Float64()*180-90, rng.Float64()*360-180, rng.IntN(2) == 0)
	}
	b.WriteString(`{}]}`)
	return b.Bytes()
}

// serves responds with JSON, with header fields in pairs.
func serves(body []byte, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		_, _ = w.Write(body)
	}
}

func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

func get(h http.Handler, fields ...string) *http.Response {
	return do(h, request(http.MethodGet, "/", fields...))
}

func do(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// decoder undoes a Content-Encoding.
func decoder(t testing.TB, coding string, r io.Reader) io.Reader {
	t.Helper()
	var err error
	switch coding {
	case "":
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		t.Cleanup(d.Close)
		r = d
	default:
		t.Fatalf("Content-Encoding %q", coding)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect checks a response's encoding and its body behind it.
func expect(t *testing.T, response *http.Response, coding string, body []byte) {
	t.Helper()
	defer response.Body.Close()
	if got := strings.Join(response.Header.Values("Content-Encoding"), ","); got != coding {
		t.Fatalf("Content-Encoding = %q, want %q", got, coding)
	}
	got, err := io.ReadAll(decoder(t, coding, response.Body))
	if err != nil {
		t.Fatalf("decoding %q: %v", coding, err)
	}
	if !bytes.Equal(got, body) {
		t.Errorf("body of %d bytes %.60q, want %d bytes %.60q", len(got), got, len(body), body)
	}
}

func expectHeader(t *testing.T, response *http.Response, name, want string) {
	t.Helper()
	if got := strings.Join(response.Header.Values(name), ", "); got != want {
		t.Errorf("%s = %q, want %q", name, got, want)
	}
}

// newServer serves over HTTP/1.1 or, with TLS, HTTP/2. Its client leaves
// encodings to the test.
func newServer(t *testing.T, http2 bool, h http.Handler) (*httptest.Server, *http.Client) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if http2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	client := s.Client()
	client.Transport.(*http.Transport).DisableCompression = true
	return s, client
}

// overWire runs a test over both protocols and with each coding.
func overWire(t *testing.T, test func(t *testing.T, http2 bool, coding string)) {
	for _, http2 := range []bool{false, true} {
		for _, coding := range codings {
			t.Run(fmt.Sprintf("http2=%t/%s", http2, coding), func(t *testing.T) { test(t, http2, coding) })
		}
	}
}

func fetch(t *testing.T, client *http.Client, method, url string, fields ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
