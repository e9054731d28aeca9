package router_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/transcode/httprule"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

func build(t testing.TB, routes ...string) *router.Router[string] {
	t.Helper()
	r := &router.Router[string]{}
	for _, route := range routes {
		method, template, _ := strings.Cut(route, " ")
		parsed, err := httprule.Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(method, parsed, route); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestLookup(t *testing.T) {
	r := build(t,
		"GET /", "GET /v1/vendors", "POST /v1/vendors", "GET /v1/vendors/{id}", "DELETE /v1/vendors/{id}",
		"GET /v1/vendors/me", "POST /v1/vendors/{id}:open", "GET /v1/{name=shelves/*/books/**}",
		"GET /v1/files/{path=**}", "GET /v1/deep/{a=**}/tail/{b}", "GET /v1/colon/a:b/c", "GET /v1/colon/{x}",
	)
	type params = []router.Param
	tests := []struct {
		request string
		want    string
		params  params
	}{
		{"GET /", "GET /", nil},
		{"GET /v1/vendors", "GET /v1/vendors", nil},
		{"HEAD /v1/vendors", "GET /v1/vendors", nil},
		{"GET /v1/vendors/7", "GET /v1/vendors/{id}", params{{"id", "7"}}},
		{"GET /v1/vendors/me", "GET /v1/vendors/me", nil},
		{"DELETE /v1/vendors/me", "DELETE /v1/vendors/{id}", params{{"id", "me"}}},
		{"GET /v1/vendors/a%2Fb", "GET /v1/vendors/{id}", params{{"id", "a/b"}}},
		{"GET /v1/vendors/a%20b%252F", "GET /v1/vendors/{id}", params{{"id", "a b%2F"}}},
		{"POST /v1/vendors/7:open", "POST /v1/vendors/{id}:open", params{{"id", "7"}}},
		{"GET /v1/vendors/7:open", "GET /v1/vendors/{id}", params{{"id", "7:open"}}},
		{"GET /v1/shelves/1/books", "GET /v1/{name=shelves/*/books/**}", params{{"name", "shelves/1/books"}}},
		{"GET /v1/shelves/1/books/a/b%2Fc", "GET /v1/{name=shelves/*/books/**}", params{{"name", "shelves/1/books/a/b%2Fc"}}},
		{"GET /v1/files", "GET /v1/files/{path=**}", params{{"path", ""}}},
		{"GET /v1/files/a/b/c", "GET /v1/files/{path=**}", params{{"path", "a/b/c"}}},
		{"GET /v1/deep/x/tail/y", "GET /v1/deep/{a=**}/tail/{b}", params{{"a", "x"}, {"b", "y"}}},
		{"GET /v1/deep/x/tail/z/tail/y", "GET /v1/deep/{a=**}/tail/{b}", params{{"a", "x/tail/z"}, {"b", "y"}}},
		{"GET /v1/deep/tail/y", "GET /v1/deep/{a=**}/tail/{b}", params{{"a", ""}, {"b", "y"}}},
		{"GET /v1/colon/a:b/c", "GET /v1/colon/a:b/c", nil},
		{"GET /v1/colon/:b", "GET /v1/colon/{x}", params{{"x", ":b"}}},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			method, u := request(t, test.request)
			got, _, ok := r.Lookup(method, u)
			if !ok || got.Value != test.want {
				t.Fatalf("found %q (%v), want %q", got.Value, ok, test.want)
			}
			if diff := cmp.Diff(test.params, got.Params); diff != "" {
				t.Errorf("params (-want +got):\n%s", diff)
			}
		})
	}
}

func request(t testing.TB, s string) (string, *url.URL) {
	t.Helper()
	method, path, _ := strings.Cut(s, " ")
	u, err := url.ParseRequestURI(path)
	if err != nil {
		t.Fatal(err)
	}
	return method, u
}

func TestLookupFindsNothing(t *testing.T) {
	r := build(t, "GET /v1/vendors/{id}", "DELETE /v1/vendors/{id}", "POST /v1/vendors", "POST /v1/vendors/{id}:open")
	tests := []struct {
		request string
		allow   []string
	}{
		{"GET /v1", nil},
		{"GET /v1/vendors/", nil},
		{"GET /v1/vendors//", nil},
		{"GET /v1/vendors/1/2", nil},
		{"GET /v1/vendors%2F1", nil},
		{"GET /V1/vendors/1", nil},
		{"POST /v1/vendors/1", []string{"DELETE", "GET", "HEAD"}},
		{"PUT /v1/vendors/1:open", []string{"DELETE", "GET", "HEAD", "POST"}},
		{"GET /v1/vendors", []string{"POST"}},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			method, u := request(t, test.request)
			got, allow, ok := r.Lookup(method, u)
			if ok {
				t.Fatalf("found %q", got.Value)
			}
			if diff := cmp.Diff(test.allow, allow); diff != "" {
				t.Errorf("allow (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddRefusesEqualShapes(t *testing.T) {
	r := build(t, "GET /v1/vendors/{id}")
	same, err := httprule.Parse("/v1/vendors/{name}")
	if err != nil {
		t.Fatal(err)
	}
	err = r.Add("GET", same, "second")
	if err == nil || err.Error() != "GET /v1/vendors/{name} matches the same paths as /v1/vendors/{id}" {
		t.Errorf("error %v", err)
	}
	if err := r.Add("PUT", same, "other method"); err != nil {
		t.Errorf("another method: %v", err)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, routes := range []int{10, 1000} {
		var list []string
		for i := range routes {
			list = append(list, fmt.Sprintf("GET /v1/r%d/{id}", i))
		}
		r := build(b, list...)
		_, u := request(b, fmt.Sprintf("GET /v1/r%d/42", routes/2))
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := r.Lookup("GET", u); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
