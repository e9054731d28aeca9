package compression_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/compression"
)

const accept = "Accept-Encoding"

func TestOptions(t *testing.T) {
	tests := []struct {
		name    string
		options compression.Options
		err     string
	}{
		{"zero", compression.Options{}, ""},
		{"least", compression.Options{MinBytes: 1, GzipLevel: 1, BrotliLevel: 1, ZstdLevel: 1}, ""},
		{"most", compression.Options{
			MinBytes: 64 << 10, GzipLevel: 9, BrotliLevel: 11, ZstdLevel: 4, Credentialed: compression.CredentialedUnlessPrivate,
		}, ""},
		{"one", compression.Options{Codings: []compression.Coding{compression.Gzip}}, ""},
		{"minimum below", compression.Options{MinBytes: -1}, "MinBytes"},
		{"minimum above", compression.Options{MinBytes: 64<<10 + 1}, "MinBytes"},
		{"gzip", compression.Options{GzipLevel: 10}, "GzipLevel"},
		{"brotli", compression.Options{BrotliLevel: 12}, "BrotliLevel"},
		{"zstd", compression.Options{ZstdLevel: 5}, "ZstdLevel"},
		{"credentialed", compression.Options{Credentialed: 3}, "Credentialed"},
		{"twice", compression.Options{Codings: []compression.Coding{compression.Gzip, compression.Gzip}}, "gzip is offered twice"},
		{"identity", compression.Options{Codings: []compression.Coding{0}}, "identity cannot"},
		{"unknown", compression.Options{Codings: []compression.Coding{9}}, "Coding(9) cannot"},
		{"all faults", compression.Options{GzipLevel: -1, ZstdLevel: -1}, "GzipLevel is out of range\ncompression: ZstdLevel"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compression.New(tt.options)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// TestLevels holds that every level makes something that can be read.
func TestLevels(t *testing.T) {
	body := list(5000)
	for level := 1; level <= 11; level++ {
		h := wrap(t, compression.Options{
			GzipLevel: min(level, 9), BrotliLevel: level, ZstdLevel: min(level, 4),
		}, serves(body))
		for _, coding := range codings {
			expect(t, get(h, accept, coding), coding, body)
		}
	}
}

// TestWhatIsCompressed looks at the responses: yes is compressed, no is plain and
// the same for everybody, vary is plain for this request.
func TestWhatIsCompressed(t *testing.T) {
	body := list(2000)
	short := body[:1023]
	tests := []struct {
		name   string
		status int
		body   []byte
		fields []string
		want   string
	}{
		{"json", 200, body, nil, "yes"},
		{"just long enough", 200, body[:1024], nil, "yes"},
		{"error", 404, body, nil, "yes"},
		{"problem", 500, body, []string{"Content-Type", "application/problem+json"}, "yes"},
		{"declared", 200, body, []string{"Content-Length", strconv.Itoa(len(body))}, "yes"},
		{"declared, untyped", 200, body, []string{"Content-Length", strconv.Itoa(len(body)), "Content-Type", "-"}, "yes"},
		{"content length is none", 200, body, []string{"Content-Length", "many"}, "yes"},
		{"short", 200, short, nil, "vary"}, // no header says so
		{"short, declared", 200, short, []string{"Content-Length", "1023"}, "no"},
		{"empty", 200, nil, nil, "vary"},
		{"no content", 204, nil, nil, "no"},
		{"reset content", 205, nil, nil, "no"},
		{"part", 206, body, []string{"Content-Range", "bytes 0-1999/5000"}, "vary"},
		{"small part", 206, body[:9], []string{"Content-Range", "bytes 0-8/5000", "Content-Length", "9"}, "vary"},
		{"part without its range", 206, body, nil, "vary"},
		{"not modified", 304, nil, []string{"Content-Length", "5000"}, "vary"},
		{"not modified, small", 304, nil, []string{"Content-Length", "5"}, "vary"}, // that of the 200 or of nothing
		{"range not satisfiable", 416, body, []string{"Content-Range", "bytes */5000"}, "vary"},
		{"encoded", 200, body, []string{"Content-Encoding", "deflate"}, "no"},
		{"no-transform", 200, body, []string{"Cache-Control", "max-age=3", "Cache-Control", "public, No-Transform"}, "no"},
		{"private", 200, body, []string{"Cache-Control", "private, no-store"}, "yes"},
		{"digest", 200, body, []string{"Repr-Digest", "sha-256=:AA==:"}, "no"},
		{"type with parameter", 200, body, []string{"Content-Type", "Text/HTML ; charset=utf-8"}, "yes"},
		{"svg", 200, body, []string{"Content-Type", "image/svg+xml"}, "yes"},
		{"ndjson", 200, body, []string{"Content-Type", "application/x-ndjson"}, "yes"},
		{"gltf", 200, body, []string{"Content-Type", "model/gltf+json"}, "yes"},
		{"ttf", 200, body, []string{"Content-Type", "font/ttf"}, "yes"},
		{"png", 200, body, []string{"Content-Type", "image/png"}, "no"},
		{"video", 200, body, []string{"Content-Type", "video/mp4"}, "no"},
		{"zip", 200, body, []string{"Content-Type", "application/zip"}, "no"},
		{"woff2", 200, body, []string{"Content-Type", "font/woff2"}, "no"},
		{"octets", 200, body, []string{"Content-Type", "application/octet-stream"}, "no"},
		{"event stream", 200, body, []string{"Content-Type", "text/event-stream"}, "no"},
		{"grpc", 200, body, []string{"Content-Type", "application/grpc+json"}, "no"},
		{"grpc-web", 200, body, []string{"Content-Type", "application/grpc-web-text"}, "no"},
		{"connect", 200, body, []string{"Content-Type", "application/connect+json"}, "no"},
		{"type suppressed", 200, body, []string{"Content-Type", ""}, "no"},
		{"no type at all", 200, body, []string{"Content-Type", "-"}, "yes"}, // text is sniffed
		{"no type, binary", 200, append([]byte("\x89PNG\r\n\x1a\n"), body...), []string{"Content-Type", "-"}, "vary"},
		{"raw field names", 200, body, []string{"content-encoding", "deflate"}, "no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				for i := 0; i < len(tt.fields); i += 2 {
					name, value := tt.fields[i], tt.fields[i+1]
					switch {
					case value == "-":
						w.Header().Del(name)
					case name == "Content-Type":
						w.Header().Set(name, value)
					default:
						w.Header()[name] = append(w.Header()[name], value)
					}
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write(tt.body)
			})
			plain := get(h)
			encoded := get(h, accept, "gzip")
			if plain.StatusCode != tt.status || encoded.StatusCode != tt.status {
				t.Errorf("status %d and %d", plain.StatusCode, encoded.StatusCode)
			}
			vary := accept
			if tt.want == "no" {
				vary = ""
			}
			expectHeader(t, plain, "Vary", vary)
			expectHeader(t, encoded, "Vary", vary)
			own := plain.Header.Get("Content-Encoding")
			plain.Header.Del("Content-Encoding")
			expect(t, plain, "", tt.body)
			if tt.want == "yes" {
				expect(t, encoded, "gzip", tt.body)
				expectHeader(t, encoded, "Content-Length", "")
				return
			}
			expectHeader(t, encoded, "Content-Encoding", own)
			encoded.Header.Del("Content-Encoding")
			expect(t, encoded, "", tt.body)
		})
	}
}

func TestSniffedType(t *testing.T) {
	body := append([]byte("<!DOCTYPE html><html>"), bytes.Repeat([]byte("<p>x</p>"), 500)...)
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		for _, b := range body { // the type is found across many small writes
			_, _ = w.Write([]byte{b})
		}
	})
	response := get(h, accept, "br")
	expectHeader(t, response, "Content-Type", "text/html; charset=utf-8")
	expect(t, response, "br", body)
}

func TestVaryIsMerged(t *testing.T) {
	body := list(2000)
	shared := make([]string, 1, 8)
	shared[0] = "Origin"
	tests := []struct {
		lines []string
		want  string
	}{
		{nil, "Accept-Encoding"},
		{shared, "Origin, Accept-Encoding"},
		{[]string{"Origin, accept-encoding"}, "Origin, accept-encoding"},
		{[]string{"Origin", "Accept-Encoding"}, "Origin, Accept-Encoding"},
		{[]string{"X-Accept-Encoding"}, "X-Accept-Encoding, Accept-Encoding"},
		{[]string{"*"}, "*"},
	}
	for _, tt := range tests {
		h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
			if tt.lines != nil {
				w.Header()["Vary"] = tt.lines
			}
			serves(body)(w, r)
		})
		for range 2 {
			expectHeader(t, get(h, accept, "gzip"), "Vary", tt.want)
		}
	}
	if shared[:2][1] != "" {
		t.Errorf("the handler's slice is written into: %q", shared[:2])
	}
}

func TestNegotiation(t *testing.T) {
	body := list(3000)
	for _, tt := range []struct {
		accept, want string
	}{
		{"gzip, deflate, br, zstd", "zstd"}, {"gzip, br", "br"}, {"gzip", "gzip"}, {"*", "zstd"},
		{"zstd;q=0.5, gzip", "gzip"}, {"deflate", ""}, {"identity;q=0", ""}, {"", ""},
	} {
		response := get(wrap(t, compression.Options{}, serves(body)), accept, tt.accept)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%q: status %d", tt.accept, response.StatusCode)
		}
		expect(t, response, tt.want, body)
	}
	only := wrap(t, compression.Options{Codings: []compression.Coding{compression.Gzip}}, serves(body))
	expect(t, get(only, accept, "gzip, br, zstd"), "gzip", body)
}
