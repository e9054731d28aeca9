package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/venta-hq/venta/bench/internal/fixture"
	"github.com/venta-hq/venta/bench/internal/subject"
)

func squeezeZstd(t *testing.T, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

func squeeze(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCheck holds the harness to seeing wrong responses: a wrong one is a fast one.
func TestCheck(t *testing.T) {
	right, err := fixture.JSON(fixture.Vendor())
	if err != nil {
		t.Fatal(err)
	}
	hit := http.Header{"Cache-Status": {"venta; hit; ttl=9"}}
	one := row{want: fixture.Vendor()}
	conditional := row{want: fixture.Vendor(), conditional: true}
	tests := []struct {
		name string
		row  row
		mode subject.Mode
		response
		ok bool
	}{
		{"right", one, subject.Venta, response{status: 200, body: right}, true},
		{"other spaces", one, subject.Venta, response{status: 200, body: append([]byte(" "), right...)}, true},
		{"other status", one, subject.Venta, response{status: 429, body: right}, false},
		{"not everything", one, subject.Venta, response{status: 200, body: []byte(`{}`)}, false},
		{"not JSON", one, subject.Venta, response{status: 200, body: right[1:]}, false},
		{"hit", one, subject.Cached, response{status: 200, header: hit, body: right}, true},
		{"miss", one, subject.Cached, response{status: 200, header: http.Header{"Cache-Status": {"venta; fwd=miss"}}, body: right}, false},
		{"not modified", conditional, subject.Cached, response{status: 304, header: hit}, true},
		{"in full after all", conditional, subject.Cached, response{status: 200, header: hit, body: right}, false},
		{"in full, without a cache", conditional, subject.Bare, response{status: 200, body: right}, true},
		{"gzip", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"gzip"}}, body: squeeze(t, right)}, true},
		{"gzip of something else", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"gzip"}}, body: squeeze(t, right[1:])}, false},
		{"no gzip", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"gzip"}}, body: right}, false},
		{"zstd", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"zstd"}}, body: squeezeZstd(t, right)}, true},
		{"no zstd", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"zstd"}}, body: right}, false},
		{"unknown encoding", one, subject.Bare, response{status: 200, header: http.Header{"Content-Encoding": {"br"}}, body: right}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := test.row.check(test.mode, test.response); (err == nil) != test.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}
