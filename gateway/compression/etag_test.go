package compression_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/compression"
)

// resource serves a body under an entity tag with all conditions and ranges.
func resource(tag string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}

func TestEntityTagOfAnEncoding(t *testing.T) {
	body := list(3000)
	tests := []struct{ tag, want string }{
		{`"abc"`, `"abc-gzip"`},
		{`""`, `"-gzip"`},
		{`"a,b"`, `"a,b-gzip"`},
		{`"abc-br"`, `"abc-br-gzip"`},
		{`W/"abc"`, `W/"abc"`},
		{`abc`, ``},
		{`"abc`, ``},
		{`"abc"d`, ``},
		{`w/"abc"`, ``},
	}
	for _, tt := range tests {
		h := wrap(t, compression.Options{}, serves(body, "Etag", tt.tag))
		expectHeader(t, get(h, accept, "gzip"), "Etag", tt.want)
		expectHeader(t, get(h), "Etag", tt.tag)
	}
	raw := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["ETag"] = []string{`"abc"`}
		serves(body)(w, r)
	})
	expectHeader(t, get(raw, accept, "zstd"), "Etag", `"abc-zstd"`)
}

func TestConditionalRequests(t *testing.T) {
	body := list(3000)
	h := wrap(t, compression.Options{}, resource(`"abc"`, body))
	tests := []struct {
		name   string
		fields []string
		status int
		tag    string
		coding string
	}{
		{"fresh", []string{accept, "gzip"}, 200, `"abc-gzip"`, "gzip"},
		{"same encoding", []string{accept, "gzip", "If-None-Match", `"abc-gzip"`}, 304, `"abc-gzip"`, ""},
		{"brotli", []string{accept, "br", "If-None-Match", `"abc-br"`}, 304, `"abc-br"`, ""},
		{"zstd", []string{accept, "zstd", "If-None-Match", `"abc-zstd"`}, 304, `"abc-zstd"`, ""},
		{"plain", []string{accept, "gzip", "If-None-Match", `"abc"`}, 304, `"abc"`, ""},
		{"plain, no encodings", []string{"If-None-Match", `"abc"`}, 304, `"abc"`, ""},
		{"weakened on the way", []string{accept, "gzip", "If-None-Match", `W/"abc-gzip"`}, 304, `"abc-gzip"`, ""},
		{"among others", []string{accept, "gzip", "If-None-Match", `"old", W/"x,y" ,"abc-gzip"`}, 304, `"abc-gzip"`, ""},
		{"second line", []string{accept, "gzip", "If-None-Match", `"old"`, "If-None-Match", `"abc-gzip"`}, 304, `"abc-gzip"`, ""},
		{"accepted, not preferred", []string{accept, "gzip, zstd", "If-None-Match", `"abc-gzip"`}, 304, `"abc-gzip"`, ""},
		{"several stored", []string{accept, "gzip, zstd", "If-None-Match", `"abc-gzip", "abc-zstd", "abc"`}, 304, `"abc-zstd"`, ""},
		{"several stored, one not accepted", []string{accept, "gzip", "If-None-Match", `"abc-br", "abc"`}, 304, `"abc"`, ""},
		{"any", []string{accept, "gzip", "If-None-Match", `*`}, 304, `"abc"`, ""},
		// A cache asks with the tags of all that it has; a 304 makes it serve that one.
		{"not accepted", []string{accept, "br", "If-None-Match", `"abc-gzip"`}, 200, `"abc-br"`, "br"},
		{"refused", []string{accept, "br, gzip;q=0", "If-None-Match", `"abc-gzip"`}, 200, `"abc-br"`, "br"},
		{"no encodings", []string{"If-None-Match", `"abc-gzip"`}, 200, `"abc"`, ""},
		{"changed", []string{accept, "gzip", "If-None-Match", `"old-gzip"`}, 200, `"abc-gzip"`, "gzip"},
		{"unknown encoding", []string{accept, "deflate, gzip", "If-None-Match", `"abc-deflate"`}, 200, `"abc-gzip"`, "gzip"},
		{"malformed", []string{accept, "gzip", "If-None-Match", `abc-gzip, "abc`}, 200, `"abc-gzip"`, "gzip"},
		{"must match", []string{accept, "gzip", "If-Match", `"abc-gzip"`}, 200, `"abc-gzip"`, "gzip"},
		{"must match, weak", []string{accept, "gzip", "If-Match", `W/"abc-gzip"`}, 412, `"abc"`, ""},
		{"must match, old", []string{accept, "gzip", "If-Match", `"old-gzip"`}, 412, `"abc"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response := get(h, tt.fields...)
			if response.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", response.StatusCode, tt.status)
			}
			expectHeader(t, response, "Etag", tt.tag)
			want := body
			if tt.status != http.StatusOK {
				want = nil
			}
			if tt.status != http.StatusPreconditionFailed {
				expectHeader(t, response, "Vary", accept)
			}
			expect(t, response, tt.coding, want)
		})
	}
}

func TestWeakTags(t *testing.T) {
	body := list(3000)
	h := wrap(t, compression.Options{}, resource(`W/"abc"`, body))
	for _, tag := range []string{`W/"abc"`, `W/"abc-gzip"`} {
		response := get(h, accept, "gzip", "If-None-Match", tag)
		if response.StatusCode != http.StatusNotModified {
			t.Errorf("%s: status %d", tag, response.StatusCode)
		}
		expectHeader(t, response, "Etag", `W/"abc"`)
	}
	expectHeader(t, get(h, accept, "gzip"), "Etag", `W/"abc"`)
}

func TestRanges(t *testing.T) {
	body := list(3000)
	h := wrap(t, compression.Options{}, resource(`"abc"`, body))
	part := []string{accept, "gzip", "Range", "bytes=5-1999"}
	response := get(h, part...)
	expectHeader(t, response, "Vary", accept)
	expectHeader(t, response, "Etag", `"abc"`)
	expectHeader(t, response, "Content-Length", "1995")
	expect(t, response, "", body[5:2000])

	expect(t, get(h, append(part, "If-Range", `"abc"`)...), "", body[5:2000])
	// What the client has is compressed: a plain part would not fit to it.
	response = get(h, append(part, "If-Range", `"abc-gzip"`)...)
	expectHeader(t, response, "Etag", `"abc-gzip"`)
	expectHeader(t, response, "Accept-Ranges", "")
	expect(t, response, "gzip", body)
	if got := get(h, append(part, "If-Match", `"abc-gzip"`)...).StatusCode; got != http.StatusPreconditionFailed {
		t.Errorf("If-Match of compressed bytes with a range: status %d", got)
	}
}

// TestWhatTheHandlerSees holds that writes are guarded by whatever tag the
// client has, and that the caller's request stays as it is.
func TestWhatTheHandlerSees(t *testing.T) {
	type conditions struct{ Match, NoneMatch string }
	tests := []struct {
		name   string
		method string
		fields []string
		want   conditions
	}{
		{"write", http.MethodPut, []string{"If-Match", `"a-gzip"`}, conditions{Match: `"a", "a-gzip"`}},
		{"write, several", http.MethodPatch, []string{"If-Match", `"a-br", "b", "c-zstd"`}, conditions{Match: `"a", "c", "a-br", "b", "c-zstd"`}},
		{"create", http.MethodPut, []string{"If-None-Match", `"a-gzip"`}, conditions{NoneMatch: `"a", "a-gzip"`}},
		{"own suffix", http.MethodPut, []string{"If-Match", `"a-gzip-br"`}, conditions{Match: `"a-gzip", "a-gzip-br"`}},
		{"star", http.MethodPut, []string{"If-Match", `*`}, conditions{Match: `*`}},
		{"plain", http.MethodPut, []string{"If-Match", `"a"`, "If-None-Match", `"b"`}, conditions{`"a"`, `"b"`}},
		{"lines", http.MethodPut, []string{"If-Match", `"x"`, "If-Match", `"a-br"`}, conditions{Match: `"a", "x", "a-br"`}},
		{"range", http.MethodGet, []string{accept, "gzip", "Range", "bytes=0-", "If-None-Match", `"a-gzip"`}, conditions{NoneMatch: `"a-gzip"`}},
		{"read", http.MethodGet, []string{accept, "gzip", "If-None-Match", `"a-gzip", "a-br"`}, conditions{NoneMatch: `"a", "a-gzip", "a-br"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got conditions
			h := wrap(t, compression.Options{}, func(_ http.ResponseWriter, r *http.Request) {
				got = conditions{strings.Join(r.Header["If-Match"], " | "), strings.Join(r.Header["If-None-Match"], " | ")}
			})
			r := request(tt.method, "/", tt.fields...)
			before := r.Header.Clone()
			do(h, r)
			if got != tt.want {
				t.Errorf("the handler sees %q, want %q", got, tt.want)
			}
			if diff := cmp.Diff(before, r.Header); diff != "" {
				t.Errorf("the caller's request has changed:\n%s", diff)
			}
		})
	}
}

// TestHandlerThatEncodesItself holds that a tag which only looks like ours stays
// the handler's.
func TestHandlerThatEncodesItself(t *testing.T) {
	h := wrap(t, compression.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Vary", "Accept-Encoding")
		resource(`"abc-gzip"`, list(3000))(w, r)
	})
	response := get(h, accept, "gzip")
	expectHeader(t, response, "Etag", `"abc-gzip"`)
	expectHeader(t, response, "Vary", accept)
	response = get(h, accept, "gzip", "If-None-Match", `"abc-gzip"`)
	if response.StatusCode != http.StatusNotModified {
		t.Errorf("status %d", response.StatusCode)
	}
	expectHeader(t, response, "Etag", `"abc-gzip"`)
}

// TestHEADMakesNoBody holds that nothing is compressed to be thrown away.
func TestHEADMakesNoBody(t *testing.T) {
	response := do(wrap(t, compression.Options{}, serves(list(3000))), request(http.MethodHead, "/", accept, "gzip"))
	expectHeader(t, response, "Content-Encoding", "gzip")
	if sent, err := io.ReadAll(response.Body); err != nil || len(sent) > 0 {
		t.Errorf("%d bytes, %v", len(sent), err)
	}
}

// TestHEAD holds that a HEAD says what a GET would.
func TestHEAD(t *testing.T) {
	body := list(3000)
	unknown := func(w http.ResponseWriter, r *http.Request) { serves(body, "Etag", `"abc"`)(w, r) }
	short := func(w http.ResponseWriter, r *http.Request) { serves(body[:10], "Etag", `"abc"`)(w, r) }
	for name, next := range map[string]http.HandlerFunc{
		"declared": resource(`"abc"`, body), "unknown": unknown, "short": short, "short, declared": resource(`"abc"`, body[:10]),
		"png": serves(body, "Content-Type", "image/png"),
	} {
		for _, http2 := range []bool{false, true} {
			s, client := newServer(t, http2, wrap(t, compression.Options{}, next))
			for _, coding := range []string{"gzip", "identity"} {
				got := fetch(t, client, http.MethodGet, s.URL, accept, coding)
				head := fetch(t, client, http.MethodHead, s.URL, accept, coding)
				sent, err := io.ReadAll(head.Body)
				if err != nil || len(sent) > 0 {
					t.Errorf("%s: HEAD with a body of %d bytes: %v", name, len(sent), err)
				}
				for _, h := range []http.Header{got.Header, head.Header} {
					h.Del("Date")
					h.Del("Content-Length") // known to a GET after it is made
				}
				if diff := cmp.Diff(got.Header, head.Header); diff != "" {
					t.Errorf("%s, %s, http2=%t: HEAD differs (-GET +HEAD):\n%s", name, coding, http2, diff)
				}
			}
		}
	}
}
