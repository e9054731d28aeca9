package rfc9111

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// TestMayStore is section 3, for a response that is whole and in its plain encoding.
func TestMayStore(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   bool
	}{
		{"nothing said", http.Header{}, true},
		{"public", http.Header{"Cache-Control": {"public"}}, true},
		{"no-store", http.Header{"Cache-Control": {"no-store"}}, false},
		{"no-cache", http.Header{"Cache-Control": {"no-cache"}}, false},
		{"private", http.Header{"Cache-Control": {"max-age=5, private"}}, false},
		{"private for one field", http.Header{"Cache-Control": {`private="x"`}}, false},
		{"a cookie", http.Header{"Set-Cookie": {"a=b"}}, false},
		{"a part", http.Header{"Content-Range": {"bytes 0-1/2"}}, false},
		{"a trailer", http.Header{"Trailer": {"X"}}, false},
		{"encoded", http.Header{"Content-Encoding": {"gzip"}}, false},
		{"not encoded", http.Header{"Content-Encoding": {"Identity"}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := MayStore(test.header, ParseDirectives(test.header)); got != test.want {
				t.Errorf("MayStore = %v", got)
			}
		})
	}
}

// TestMayShare is section 3.5.
func TestMayShare(t *testing.T) {
	for directives, want := range map[string]bool{
		"": false, "max-age=5": false, "public": true, "must-revalidate": true, "s-maxage=0": true, "proxy-revalidate": false,
	} {
		if got := MayShare(ParseDirectives(http.Header{"Cache-Control": {directives}})); got != want {
			t.Errorf("%q: %v", directives, got)
		}
	}
}

// TestInvalidated is section 4.4.
func TestInvalidated(t *testing.T) {
	tests := []struct {
		name     string
		url      string
		response http.Header
		want     []Target
	}{
		{"itself, without its query", "/a%20b?x", nil, []Target{{"Example.com", "/a b"}}},
		{"a relative Location", "/a/b", http.Header{"Location": {"c?x"}}, []Target{{"Example.com", "/a/b"}, {"Example.com", "/a/c"}}},
		{"Content-Location of the same host", "/a", http.Header{"Content-Location": {"https://example.COM/b"}}, []Target{{"Example.com", "/a"}, {"example.COM", "/b"}}},
		{"another host", "/a", http.Header{"Location": {"http://other.example/b"}}, []Target{{"Example.com", "/a"}}},
		{"no URI", "/a", http.Header{"Location": {"http://[/b"}}, []Target{{"Example.com", "/a"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := AppendInvalidated(nil, "Example.com", u, test.response); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestIsSafe is RFC 9110, section 9.2.1.
func TestIsSafe(t *testing.T) {
	for method, want := range map[string]bool{
		"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true, "POST": false, "PUT": false, "DELETE": false, "get": false, "": false,
	} {
		if IsSafe(method) != want {
			t.Errorf("IsSafe(%q) = %v", method, !want)
		}
	}
}
