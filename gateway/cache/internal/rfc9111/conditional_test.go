package rfc9111

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestNotModified is RFC 9110, sections 13.1.2, 13.1.3 and 13.2.2.
func TestNotModified(t *testing.T) {
	const (
		monday  = "Mon, 02 Nov 2026 10:00:00 GMT"
		tuesday = "Tue, 03 Nov 2026 10:00:00 GMT"
	)
	modified, err := http.ParseTime(monday)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		match    []string
		since    string
		etag     string
		modified time.Time
		want     bool
	}{
		{"no condition", nil, "", `"a"`, modified, false},
		{"the same", []string{`"a"`}, "", `"a"`, time.Time{}, true},
		{"another", []string{`"b"`}, "", `"a"`, time.Time{}, false},
		{"weak against strong", []string{`W/"a"`}, "", `"a"`, time.Time{}, true},
		{"strong against weak", []string{`"a"`}, "", `W/"a"`, time.Time{}, true},
		{"any", []string{" *"}, "", `"a"`, time.Time{}, true},
		{"any of nothing", []string{"*"}, "", "", time.Time{}, false},
		{"in a list", []string{`"x", W/"y" ,"a"`}, "", `"a"`, time.Time{}, true},
		{"in a second line", []string{`"x"`, `"a"`}, "", `"a"`, time.Time{}, true},
		{"a comma inside", []string{`"a,b"`}, "", `"a,b"`, time.Time{}, true},
		{"a part of one", []string{`"a,b"`}, "", `"a`, time.Time{}, false},
		{"no quotes", []string{`a`}, "", `"a"`, time.Time{}, false},
		{"unclosed", []string{`"a`}, "", `"a"`, time.Time{}, false},
		{"only a quote", []string{`"`}, "", `""`, time.Time{}, false},
		{"empty tag", []string{`""`}, "", `""`, time.Time{}, true},
		{"empty field", []string{``}, "", `"a"`, modified, false},
		{"not since", nil, monday, "", modified, true},
		{"not since later", nil, tuesday, "", modified, true},
		{"since", nil, "Sun, 01 Nov 2026 10:00:00 GMT", "", modified, false},
		{"no date", nil, "yesterday", "", modified, false},
		{"nothing to compare with", nil, monday, "", time.Time{}, false},
		{"If-None-Match goes first", []string{`"b"`}, tuesday, `"a"`, modified, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			if test.match != nil {
				header["If-None-Match"] = test.match
			}
			if test.since != "" {
				header.Set("If-Modified-Since", test.since)
			}
			if got := NotModified(header, test.etag, test.modified); got != test.want {
				t.Errorf("NotModified = %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzNotModified(f *testing.F) {
	f.Add(`W/"a", "b"`, `"b"`)
	f.Add(`"`, `"`)
	f.Fuzz(func(t *testing.T, line, tag string) {
		header := http.Header{"If-None-Match": {line}}
		if NotModified(header, tag, time.Time{}) && !strings.Contains(line, strings.TrimPrefix(tag, "W/")) && !strings.Contains(line, "*") {
			t.Errorf("%q matches %q", line, tag)
		}
	})
}

// TestValidated is section 4.3.4.
func TestValidated(t *testing.T) {
	tests := []struct {
		name                      string
		stored, notModified, want http.Header
		keepTag                   bool
	}{
		{
			"what is newer replaces", http.Header{"X-A": {"1"}, "X-B": {"1"}}, http.Header{"X-A": {"2", "3"}, "X-C": {"1"}},
			http.Header{"X-A": {"2", "3"}, "X-B": {"1"}, "X-C": {"1"}}, false,
		},
		{
			"what is of the bytes stays", http.Header{"Content-Encoding": {"br"}},
			http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"0"}, "Content-Md5": {"x"}, "Content-Range": {"x"}},
			http.Header{"Content-Encoding": {"br"}}, false,
		},
		{
			"what is about the content replaces", http.Header{"Content-Type": {"a/b"}}, http.Header{"Content-Type": {"c/d"}, "Content-Foo": {"1"}},
			http.Header{"Content-Type": {"c/d"}, "Content-Foo": {"1"}}, false,
		},
		{
			"Content-Location describes no body", http.Header{}, http.Header{"Content-Location": {"/a"}},
			http.Header{"Content-Location": {"/a"}}, false,
		},
		{"the tag that was matched stays strong", http.Header{"Etag": {`"a"`}}, http.Header{"Etag": {`W/"a"`}}, http.Header{"Etag": {`"a"`}}, true},
		{"a tag that was not asked for", http.Header{"Etag": {`"a"`}}, http.Header{"Etag": {`"b"`}}, http.Header{"Etag": {`"b"`}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Validated(test.stored, test.notModified, test.keepTag); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
