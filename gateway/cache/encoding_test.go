package cache_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/compression"
)

// zipper has the rules of package compression in small: gzip for what is text
// and long enough, for clients without cookies.
type zipper struct {
	encoded atomic.Int64
	err     error
	enter   func()
}

func (z *zipper) Choose(r *http.Request) string {
	if len(r.Header["Cookie"]) == 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return "gzip"
	}
	return ""
}

func (z *zipper) Fit(header http.Header, length int) bool {
	return length >= 100 && strings.HasPrefix(header.Get("Content-Type"), "text/")
}

func (z *zipper) Encode(coding string, body []byte) ([]byte, error) {
	z.encoded.Add(1)
	if z.enter != nil {
		z.enter()
	}
	if z.err != nil || coding != "gzip" {
		return nil, errors.Join(errors.New("cannot encode as "+coding), z.err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(body)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func (z *zipper) Tag(etag, coding string) string {
	switch {
	case strings.HasPrefix(etag, "W/"):
		return etag
	case !strings.HasSuffix(etag, `"`):
		return ""
	}
	return strings.TrimSuffix(etag, `"`) + "-" + coding + `"`
}

var long = strings.Repeat("the same again, ", 100)

// unzip returns a response's body in plain.
func unzip(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Header().Get("Content-Encoding") == "" {
		return w.Body.String()
	}
	reader, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func zipped(t testing.TB, z *zipper, fields ...string) http.Handler {
	s := newStore(t, cache.Options{Encoder: z})
	return wrap(t, s, baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		_, _ = io.WriteString(w, long)
	})
}

func TestEncodedHit(t *testing.T) {
	z := &zipper{}
	h := zipped(t, z, "Etag", `"v1"`, "Accept-Ranges", "bytes", "Vary", "Origin")
	if first := get(h, "/a", "Accept-Encoding", "gzip"); first.Header().Get("Content-Encoding") != "" {
		t.Error("the first response is encoded: that belongs further out")
	}
	for range 3 {
		got := get(h, "/a", "Accept-Encoding", "gzip")
		header := got.Header()
		if length := fmt.Sprint(got.Body.Len()); header.Get("Content-Length") != length {
			t.Errorf("Content-Length = %s of %s", header.Get("Content-Length"), length)
		}
		if unzip(t, got) != long || status(got) != hit60 {
			t.Errorf("%s: %.40s", status(got), got.Body)
		}
		for name, want := range map[string]string{
			"Content-Encoding": "gzip", "Etag": `"v1-gzip"`, "Accept-Ranges": "", "Content-Type": "text/plain",
			"Vary": "Origin, Accept-Encoding", "Age": "0",
		} {
			if value := strings.Join(header[name], ", "); value != want {
				t.Errorf("%s = %q, want %q", name, value, want)
			}
		}
	}
	head := do(h, request(http.MethodHead, "/a", "Accept-Encoding", "gzip"))
	if head.Body.Len() != 0 || head.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("HEAD: %v", head.Header())
	}
	expect(t, get(h, "/a"), 200, long, hit60)
	if z.encoded.Load() != 1 {
		t.Errorf("encoded %d times", z.encoded.Load())
	}
}

// TestNotEncoded holds that what the rules forbid is sent as it is.
func TestNotEncoded(t *testing.T) {
	tests := []struct {
		name     string
		response []string
		fields   []string
	}{
		{"not asked for", nil, nil},
		{"refused", nil, []string{"Accept-Encoding", "identity"}},
		{"a cookie", nil, []string{"Accept-Encoding", "gzip", "Cookie", "a=b"}},
		{"no text", []string{"Content-Type", "image/png"}, []string{"Accept-Encoding", "gzip"}},
	}
	for _, test := range tests {
		z := &zipper{}
		h := zipped(t, z, test.response...)
		for range 3 {
			if got := get(h, "/a", test.fields...); got.Body.String() != long || got.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s: %v", test.name, got.Header())
			}
		}
		if z.encoded.Load() != 0 {
			t.Errorf("%s: encoded %d times", test.name, z.encoded.Load())
		}
	}
}

// TestOuterCookieIsNotEncoded holds that a secret which is set further out is
// not sent beside compressed bytes.
func TestOuterCookieIsNotEncoded(t *testing.T) {
	h := zipped(t, &zipper{})
	get(h, "/a")
	w := httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "a=b")
	h.ServeHTTP(w, request(http.MethodGet, "/a", "Accept-Encoding", "gzip"))
	expect(t, w, 200, long, hit60)
}

func TestEncodingThatFails(t *testing.T) {
	z := &zipper{err: errors.New("no")}
	var seen events
	h := wrap(t, newStore(t, cache.Options{Encoder: z}), seen.in(baseRule()), text(long))
	for range 4 {
		get(h, "/a", "Accept-Encoding", "gzip")
	}
	expect(t, get(h, "/a", "Accept-Encoding", "gzip"), 200, long, hit60)
	seen.expect(t, map[cache.Event]int{cache.EncodingFailed: 1})
}

// TestEncoderThatPanics holds that it is tried again, by one request at a time.
func TestEncoderThatPanics(t *testing.T) {
	z := &zipper{enter: func() { panic("boom") }}
	h := wrap(t, newStore(t, cache.Options{Encoder: z}), baseRule(), text(long))
	get(h, "/a")
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			get(h, "/a", "Accept-Encoding", "gzip")
		}()
	}
	z.enter = nil
	if got := get(h, "/a", "Accept-Encoding", "gzip"); got.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", got.Header())
	}
}

// TestOneEncodingForACrowd holds that nobody waits for it but who makes it.
func TestOneEncodingForACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zipper{enter: func() { time.Sleep(time.Second) }}
		h := zipped(t, z)
		get(h, "/a")
		plainAnswers := 0
		for _, w := range crowd(h, 100, func(int) *http.Request { return request(http.MethodGet, "/a", "Accept-Encoding", "gzip") }) {
			if w.Header().Get("Content-Encoding") == "" {
				plainAnswers++
			}
			if unzip(t, w) != long {
				t.Error("another body")
			}
		}
		if z.encoded.Load() != 1 || plainAnswers != 99 {
			t.Errorf("encoded %d times, %d plain", z.encoded.Load(), plainAnswers)
		}
	})
}

func TestConditionsOnEncodings(t *testing.T) {
	h := zipped(t, &zipper{}, "Etag", `"v1"`)
	get(h, "/a")
	tests := []struct {
		have, accept string
		code         int
		etag         string
	}{
		{`"v1-gzip"`, "gzip", 304, `"v1-gzip"`},
		{`"v1"`, "gzip", 304, `"v1"`},
		{`"v0", "v1-gzip"`, "gzip", 304, `"v1-gzip"`},
		{`W/"v1-gzip"`, "gzip", 304, `"v1-gzip"`},
		{`"v1-gzip"`, "", 200, `"v1"`}, // it cannot read it any more
		{`"v1"`, "", 304, `"v1"`},
		{`"v2-gzip"`, "gzip", 200, `"v1-gzip"`},
	}
	for _, test := range tests {
		got := get(h, "/a", "Accept-Encoding", test.accept, "If-None-Match", test.have)
		if got.Code != test.code || got.Header().Get("Etag") != test.etag {
			t.Errorf("%s with %q: %d %v", test.have, test.accept, got.Code, got.Header())
		}
		if encoding := got.Header().Get("Content-Encoding"); got.Code == 304 && encoding != "" {
			t.Errorf("a 304 has Content-Encoding %s", encoding)
		}
	}
}

// TestBehindCompression holds that the real middleware passes an encoded hit on
// as it is, and understands the tags.
func TestBehindCompression(t *testing.T) {
	compress, err := compression.New(compression.Options{Codings: []compression.Coding{compression.Gzip}, MinBytes: 100})
	if err != nil {
		t.Fatal(err)
	}
	z := &zipper{}
	h := compress(zipped(t, z, "Etag", `"v1"`))
	for range 3 {
		got := get(h, "/a", "Accept-Encoding", "gzip")
		header := got.Header()
		if unzip(t, got) != long || header.Get("Etag") != `"v1-gzip"` || strings.Join(header["Vary"], ",") != "Accept-Encoding" {
			t.Errorf("%v", header)
		}
	}
	for _, have := range []string{`"v1-gzip"`, `"v1"`} {
		got := get(h, "/a", "Accept-Encoding", "gzip", "If-None-Match", have)
		if got.Code != 304 || got.Header().Get("Etag") != have {
			t.Errorf("%s: %d %v", have, got.Code, got.Header())
		}
	}
	if z.encoded.Load() != 1 {
		t.Errorf("encoded %d times", z.encoded.Load())
	}
}

// TestEncodingsDie holds that a purge and a new response end them with the rest.
func TestEncodingsDie(t *testing.T) {
	z := &zipper{}
	s := newStore(t, cache.Options{Encoder: z})
	var calls atomic.Int64
	h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
		text(fmt.Sprint(calls.Add(1), long))(w, r)
	})
	for i := range 3 {
		get(h, "/a", "X-Tags", "v")
		got := get(h, "/a", "Accept-Encoding", "gzip", "X-Tags", "v")
		if body := unzip(t, got); body != fmt.Sprint(i+1, long) || got.Header().Get("Content-Encoding") == "" {
			t.Errorf("%d: %.20s %v", i, body, got.Header())
		}
		s.Purge("v")
	}
}

func BenchmarkHitEncoded(b *testing.B) {
	h := zipped(b, &zipper{})
	r := request(http.MethodGet, "/a", "Accept-Encoding", "gzip")
	w := discard{make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}
