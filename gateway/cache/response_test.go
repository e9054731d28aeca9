package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/cache"
)

func TestWhatIsStored(t *testing.T) {
	tests := []struct {
		name   string
		status int
		fields []string
		stored bool
	}{
		{"nothing said", 200, nil, true},
		{"not found", 404, nil, false},
		{"created", 201, nil, false},
		{"a part", 206, []string{"Content-Range", "bytes 0-1/2"}, false},
		{"a redirect", 301, []string{"Cache-Control", "max-age=60"}, false},
		{"an error", 500, nil, false},
		{"no-store", 200, []string{"Cache-Control", "no-store"}, false},
		{"no-store in a second line", 200, []string{"Cache-Control", "max-age=9", "Cache-Control", "x, No-Store"}, false},
		{"no-store under a name in lower case", 200, []string{"cache-control", "no-store"}, false},
		{"private", 200, []string{"Cache-Control", "private"}, false},
		{"private fields", 200, []string{"Cache-Control", `private="X-A"`}, false},
		{"no-cache", 200, []string{"Cache-Control", "no-cache"}, false},
		{"max-age=0", 200, []string{"Cache-Control", "max-age=0"}, false},
		{"s-maxage=0", 200, []string{"Cache-Control", "max-age=60, s-maxage=0"}, false},
		{"a malformed max-age", 200, []string{"Cache-Control", "max-age=long"}, false},
		{"a cookie", 200, []string{"Set-Cookie", "session=1"}, false},
		{"a cookie under a name in lower case", 200, []string{"set-cookie", "session=1"}, false},
		{"Vary: *", 200, []string{"Vary", "Accept, *"}, false},
		{"an encoding", 200, []string{"Content-Encoding", "gzip"}, false},
		{"the plain encoding", 200, []string{"Content-Encoding", "identity"}, true},
		{"trailers", 200, []string{"Trailer", "X-End"}, false},
		{"a length that is kept", 200, []string{"Content-Length", "1"}, true},
		{"a length that is not", 200, []string{"Content-Length", "2"}, false},
		{"a length over the bound", 200, []string{"Content-Length", "9999999999"}, false},
		{"a malformed length", 200, []string{"Content-Length", "x"}, true},
		{"expired", 200, []string{"Expires", "Mon, 02 Nov 2020 10:00:00 GMT"}, false},
		{"a malformed date", 200, []string{"Expires", "0"}, false},
		{"too old", 200, []string{"Age", "60"}, false},
		{"old", 200, []string{"Age", "59"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i < len(test.fields); i += 2 {
					name := test.fields[i]
					w.Header()[name] = append(w.Header()[name], test.fields[i+1])
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte("x"))
			})
			first := get(h, "/a")
			if first.Code != test.status || first.Body.String() != "x" {
				t.Errorf("%d %q", first.Code, first.Body)
			}
			if got := strings.HasSuffix(status(first), "; stored"); got != test.stored {
				t.Errorf("stored = %v: %s", got, status(first))
			}
			if got := strings.HasPrefix(status(get(h, "/a")), "venta; hit"); got != test.stored {
				t.Errorf("served from the store = %v", got)
			}
		})
	}
}

// TestSilentHandler leaves the status to the server.
func TestSilentHandler(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "a")
		w.Header().Set("Vary", "Accept")
	})
	for range 2 {
		w := httptest.NewRecorder()
		w.Header().Set("Vary", "Origin")
		h.ServeHTTP(w, request(http.MethodGet, "/a"))
		expect(t, w, 200, "", missed)
		if w.Header().Get("X-A") != "a" || !slices.Equal(w.Header()["Vary"], []string{"Origin", "Accept"}) {
			t.Errorf("%v", w.Header())
		}
	}
}

func TestLifetime(t *testing.T) {
	tests := []struct {
		name   string
		fields []string
		want   string
	}{
		{"the rule's", nil, "venta; hit; ttl=60"},
		{"max-age", []string{"Cache-Control", "max-age=300"}, "venta; hit; ttl=300"},
		{"s-maxage", []string{"Cache-Control", "max-age=300, s-maxage=200"}, "venta; hit; ttl=200"},
		{"Expires", []string{"Date", "Mon, 02 Nov 2026 10:00:00 GMT", "Expires", "Mon, 02 Nov 2026 10:00:40 GMT"}, "venta; hit; ttl=40"},
		{"max-age over Expires", []string{"Cache-Control", "max-age=30", "Expires", "0"}, "venta; hit; ttl=30"},
		{"Age", []string{"Age", "20"}, "venta; hit; ttl=40"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
					for i := 0; i < len(test.fields); i += 2 {
						w.Header().Add(test.fields[i], test.fields[i+1])
					}
					text("x")(w, nil)
				})
				get(h, "/a")
				expect(t, get(h, "/a"), 200, "x", test.want)
			})
		})
	}
}

// TestAgeCountsFromTheQuestion follows RFC 9111, section 4.2.3.
func TestAgeCountsFromTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(7 * time.Second) // virtual
			text("x")(w, nil)
		})
		get(h, "/a")
		w := get(h, "/a")
		expect(t, w, 200, "x", "venta; hit; ttl=53")
		if w.Header().Get("Age") != "7" {
			t.Errorf("Age = %s", w.Header().Get("Age"))
		}
	})
}

// TestFieldsOfOneAnswerAlone holds that what is set further out, and what
// belongs to one connection or moment, is never stored.
func TestFieldsOfOneAnswerAlone(t *testing.T) {
	inner := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		if len(h) != 0 {
			t.Errorf("the handler sees %v", h)
		}
		for _, name := range []string{
			"Connection", "Keep-Alive", "Te", "Upgrade", "Proxy-Authenticate", "Date", "Age", "Ratelimit",
			"Ratelimit-Policy", "X-Request-Id", "Traceparent", "Server-Timing", "Retry-After", "X-Hop",
		} {
			h.Set(name, "0")
		}
		h.Set("Connection", "close, x-hop")
		h.Set("Cache-Status", "upstream; hit")
		h.Set("X-Kept", "kept")
		h.Add("Vary", "Accept")
		h.Add("Link", "<inner>")
		h.Set("X-Both", "inner")
		text("x")(w, nil)
	})
	n := 0
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("X-Request-Id", fmt.Sprint("id", n))
		w.Header().Set("X-Outer", fmt.Sprint(n))
		w.Header().Set("X-Both", "outer")
		w.Header().Set("Ratelimit", fmt.Sprint("r", n))
		w.Header().Set("Set-Cookie", fmt.Sprint("s=", n))
		w.Header().Set("Vary", "Origin")
		w.Header().Set("Link", "<outer>")
		inner.ServeHTTP(w, r)
	})
	miss := get(outer, "/a")
	if got := miss.Header().Values("Cache-Status"); !slices.Equal(got, []string{"upstream; hit", stored}) {
		t.Errorf("Cache-Status = %q", got)
	}
	got := get(outer, "/a").Header()
	got.Del("Etag")
	want := http.Header{
		"X-Request-Id": {"id2"}, "X-Outer": {"2"}, "X-Both": {"inner"}, "Ratelimit": {"r2"}, "Set-Cookie": {"s=2"},
		"Vary": {"Origin", "Accept"}, "Link": {"<outer>", "<inner>"}, "X-Kept": {"kept"},
		"Content-Length": {"1"}, "Date": {"0"}, "Age": {"0"}, "Cache-Status": {hit60},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a hit's header (-want +got):\n%s", diff)
	}
}

// TestHitsDoNotShareSlices holds that who changes a hit's header changes no other.
func TestHitsDoNotShareSlices(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-A"] = []string{"1", "2", "3"}
		text("x")(w, nil)
	})
	get(h, "/a")
	get(h, "/a").Header().Add("X-A", "evil")
	own := get(h, "/a")
	own.Header().Add("Age", "evil")
	if status(own) != hit60 {
		t.Errorf("Cache-Status = %s after a change of Age", status(own))
	}
	get(h, "/a").Header().Add("Cache-Status", "evil")
	w := get(h, "/a")
	if got := w.Header()["X-A"]; !slices.Equal(got, []string{"1", "2", "3"}) || status(w) != hit60 {
		t.Errorf("X-A = %q, %s", got, status(w))
	}
}

// TestOuterSlicesAreNotWrittenInto holds that what a middleware sets for many
// responses stays as it is.
func TestOuterSlicesAreNotWrittenInto(t *testing.T) {
	shared := make([]string, 1, 8)
	shared[0] = "Origin"
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "Accept")
		text("x")(w, nil)
	})
	for range 2 {
		w := httptest.NewRecorder()
		w.Header()["Vary"] = shared
		h.ServeHTTP(w, request(http.MethodGet, "/a"))
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Origin", "Accept"}) || shared[:2][1] != "" {
			t.Errorf("Vary = %q, shared = %q", got, shared[:2])
		}
	}
}

func TestStatusOfAStaleVariant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Accept-Language")
			w.Header().Set("Cache-Control", r.Header.Get("X-Control"))
			text("x")(w, r)
		})
		get(h, "/a", "Accept-Language", "fr", "X-Control", "max-age=300")
		get(h, "/a", "Accept-Language", "de")
		time.Sleep(time.Minute) // virtual
		expect(t, get(h, "/a", "Accept-Language", "de"), 200, "x", "venta; fwd=stale; stored")
	})
}

func TestVaryOfTheAnswer(t *testing.T) {
	rule := baseRule()
	rule.Policy.VaryHeaders = []string{"x-tenant"}
	calls := 0
	h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("the handler is offered encodings")
		}
		w.Header().Set("Vary", "accept-language, Accept-Encoding")
		fmt.Fprint(w, r.Header.Get("Accept-Language"))
	})
	fetch := func(language, encoding string) string {
		w := get(h, "/a", "Accept-Language", language, "Accept-Encoding", encoding)
		if w.Body.String() != language {
			t.Errorf("%s gets %s", language, w.Body)
		}
		if got := w.Header().Values("Vary"); !slices.Equal(got, []string{"accept-language, Accept-Encoding", "X-Tenant"}) {
			t.Errorf("Vary = %q", got)
		}
		return status(w)
	}
	got := []string{fetch("de", "gzip"), fetch("fr", "gzip"), fetch("de", "br"), fetch("fr", "zstd")}
	if want := []string{stored, "venta; fwd=vary-miss; stored", hit60, hit60}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestVaryHost(t *testing.T) {
	rule := baseRule()
	rule.Policy.VaryHeaders = []string{"Host"}
	h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })
	for range 2 {
		for _, host := range []string{"one", "two"} {
			if got := get(h, "http://"+host+"/a").Body.String(); got != host {
				t.Errorf("%s gets %s", host, got)
			}
		}
	}
}

func TestEntityTags(t *testing.T) {
	body := "one"
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("ETag", `W/"own"`)
		}
		text(body)(w, r)
	})
	if got := get(h, "/own").Header().Get("Etag"); got != `W/"own"` {
		t.Errorf("the handler's ETag became %s", got)
	}
	one, same := get(h, "/1").Header().Get("Etag"), get(h, "/2").Header().Get("Etag")
	body = "two"
	two := get(h, "/3").Header().Get("Etag")
	if one != same || one == two || !strings.HasPrefix(one, `"`) {
		t.Errorf("ETags of one, one and two: %s %s %s", one, same, two)
	}
}
