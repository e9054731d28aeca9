package cache_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// secretOf shows whoever is logged in what is theirs, whatever follows
// the path, as origins do that are open to cache deception.
func secretOf(w http.ResponseWriter, r *http.Request) {
	who := r.Header.Get("Authorization") + r.Header.Get("Cookie")
	if who == "" {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	text("secret of "+who)(w, r)
}

// TestCacheDeception has a victim ask for their own page under a name that looks
// static, and an attacker ask for the same.
func TestCacheDeception(t *testing.T) {
	suffixes := []string{
		"", "/style.css", ";style.css", "%2Fstyle.css", "%3Bstyle.css", "%00.css", "%0A.css", "?x=style.css", "%3Fstyle.css",
		"%23style.css", "/..%2Fstatic/a.css", "/%2e%2e/static/a.css", "//style.css", "/.css", "\\style.css",
	}
	for _, suffix := range suffixes {
		for _, credential := range []string{"Authorization", "authorization", "AUTHORIZATION", "Cookie", "cookie"} {
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), secretOf)
			victim := request(http.MethodGet, "/account")
			u, err := url.Parse("http://example.com/account" + suffix)
			if err != nil {
				u = &url.URL{Scheme: "http", Host: "example.com", Path: "/account" + suffix}
			}
			victim.URL = u
			victim.Header.Set(credential, "Bearer victim")
			if got := do(h, victim); got.Body.String() != "secret of Bearer victim" {
				t.Fatalf("%q: the victim gets %d %s", suffix, got.Code, got.Body)
			}
			attacker := request(http.MethodGet, "/account")
			attacker.URL = u
			if got := do(h, attacker); strings.Contains(got.Body.String(), "victim") {
				t.Errorf("%q: the attacker reads %s", suffix, got.Body)
			}
			attacker.Header.Set("Authorization", "Bearer attacker")
			if got := do(h, attacker); strings.Contains(got.Body.String(), "victim") {
				t.Errorf("%q: the attacker with a token reads %s", suffix, got.Body)
			}
		}
	}
}

// TestCredentialsAreNeverShared holds that a response to credentials is for their
// owner alone where nobody has stated an audience, however they are written.
func TestCredentialsAreNeverShared(t *testing.T) {
	tests := map[string]http.Header{
		"a token":               {"Authorization": {"Bearer victim"}},
		"two":                   {"Authorization": {"Bearer victim", "Basic x"}},
		"an empty one":          {"Authorization": {""}},
		"an empty one and more": {"Authorization": {"", "Bearer victim"}},
		"of lower case":         {"Authorization": {"bearer victim"}},
		"a cookie":              {"Cookie": {"session=victim"}},
		"two cookies":           {"Cookie": {"", "session=victim"}},
		"what the gateway knew": {"X-Principal": {"victim"}},
	}
	for name, header := range tests {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, text("x")))
		for range 3 {
			r := request(http.MethodGet, "/a")
			r.Header = header.Clone()
			expect(t, do(h, r), 200, "x", missed)
		}
		if calls.Load() != 3 {
			t.Errorf("%s: %d calls", name, calls.Load())
		}
	}
}

// TestUnkeyedInputs holds what the key is made of. What is in no key must not
// reach a response: a rule that lets it in says so by VaryHeaders, or the response
// by Vary; a cookie that is set is never stored.
func TestUnkeyedInputs(t *testing.T) {
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-Url", "X-Rewrite-Url", "Forwarded", "Cookie", "Origin", "User-Agent"} {
		for _, told := range []string{"rule", "response"} {
			rule := baseRule()
			if told == "rule" {
				rule.Policy.VaryHeaders = []string{name}
			}
			h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
				if told == "response" {
					w.Header().Set("Vary", strings.ToLower(name))
				}
				text("for "+strings.Join(r.Header[name], "|"))(w, r)
			})
			get(h, "/a", name, "evil")
			for _, lines := range [][]string{nil, {""}, {"evil", "evil"}, {"evil, evil"}, {"Evil"}, {" evil"}, {"evil"}} {
				r := request(http.MethodGet, "/a")
				if lines != nil {
					r.Header[name] = lines
				}
				if got, want := do(h, r).Body.String(), "for "+strings.Join(lines, "|"); got != want {
					t.Errorf("%s by the %s: %q gets %q", name, told, lines, got)
				}
			}
		}
	}
}

// TestPoisonedByCookies holds that a response which sets a cookie is nobody
// else's.
func TestPoisonedByCookies(t *testing.T) {
	var calls atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["set-cookie"] = []string{"session=" + fmt.Sprint(calls.Load())}
		text("x")(w, r)
	}))
	get(h, "/a")
	if got := get(h, "/a"); calls.Load() != 2 || got.Header().Get("Set-Cookie") == "session=1" {
		t.Errorf("%d calls, %v", calls.Load(), got.Header())
	}
}

// TestPoisonThroughVary has an attacker fill the variants of a page: the store
// keeps a bounded number, each for who sent just its fields; * is not stored.
func TestPoisonThroughVary(t *testing.T) {
	s := newStore(t, cache.Options{MaxVariants: 4})
	h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-Lang, Accept-Encoding, , x-lang")
		if r.Header.Get("X-Any") != "" {
			w.Header().Add("Vary", "*")
		}
		text("in "+r.Header.Get("X-Lang"))(w, r)
	})
	get(h, "/a", "X-Lang", "en")
	for i := range 50 {
		get(h, "/a", "X-Lang", fmt.Sprint("evil", i))
		get(h, "/a", "X-Lang", "en", "X-Any", "x", "Cache-Control", "no-cache")
		if got := get(h, "/a", "X-Lang", "en"); got.Body.String() != "in en" {
			t.Fatalf("got %s", got.Body)
		}
	}
	for range 2 {
		expect(t, get(h, "/any", "X-Any", "x"), 200, "in ", missed)
	}
}

// TestKeysDoNotRunTogether holds that no part of a key can be taken for another.
func TestKeysDoNotRunTogether(t *testing.T) {
	rule := baseRule()
	rule.Policy.Audience = policy.AudiencePrincipal
	rule.Policy.VaryHeaders = []string{"A", "B"}
	h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %q %q %q", r.Host, r.Header.Get("X-Principal"), r.URL.RequestURI(), r.Header["A"], r.Header["B"])
	})
	parts := []string{"a", "a:1", "1:a", "a\x00", "\x00a", "a;b", "aa"}
	seen := map[string]bool{}
	fetch := func(host, principal, path string, a, b []string) string {
		r := request(http.MethodGet, "/"+url.QueryEscape(path), "X-Principal", principal)
		r.Host, r.Header["A"], r.Header["B"] = host, a, b
		return do(h, r).Body.String()
	}
	for range 2 {
		for _, x := range parts {
			for _, y := range parts {
				for _, body := range []string{
					fetch(x+".example", y, "p", nil, nil), fetch("h", x, y, nil, nil), fetch("h", "p", x, []string{y}, nil),
					fetch("h", "p", "q", []string{x}, []string{y}), fetch("h", "p", "q", []string{x, y}, nil),
				} {
					seen[body] = true
				}
			}
		}
	}
	// Of each of the five shapes there are as many responses as pairs, and none is
	// the response to another.
	if want := 5 * len(parts) * len(parts); len(seen) != want {
		t.Errorf("%d responses to %d requests that differ", len(seen), want)
	}
}

// TestSmuggledDuplicates holds that fields which a proxy might read another way
// do not open the store: in doubt a request passes by, or gets its own response.
func TestSmuggledDuplicates(t *testing.T) {
	tests := []struct {
		name string
		edit func(*http.Request)
		want string
	}{
		{"two directives, one of which forbids", func(r *http.Request) { r.Header["Cache-Control"] = []string{"max-age=60", "no-store"} }, "venta; fwd=bypass; detail=no-store"},
		{"two ages", func(r *http.Request) { r.Header["Cache-Control"] = []string{"max-age=60, max-age=0"} }, "venta; fwd=request; stored"},
		{"a quoted directive", func(r *http.Request) { r.Header["Cache-Control"] = []string{`x="a, no-store"`} }, hit60},
		{"two ranges", func(r *http.Request) { r.Header["Range"] = []string{"", "bytes=0-1"} }, "venta; fwd=bypass; detail=range"},
		{"a body of unknown length", func(r *http.Request) { r.ContentLength = -1 }, "venta; fwd=bypass; detail=body"},
		{"the host in capitals", func(r *http.Request) { r.Host = "EXAMPLE.com" }, hit60},
		{"the host with a dot", func(r *http.Request) { r.Host = "example.com." }, stored},
		{"the host with a port", func(r *http.Request) { r.Host = "example.com:80" }, stored},
		{"a Host field beside the host", func(r *http.Request) { r.Header["Host"] = []string{"evil.example"} }, hit60},
		{"a method in small letters", func(r *http.Request) { r.Method = "get" }, "venta; fwd=method"},
		{"a method that is said elsewhere", func(r *http.Request) { r.Header["X-Http-Method-Override"] = []string{"DELETE"} }, hit60},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), text("x"))
			get(h, "/a")
			r := request(http.MethodGet, "/a")
			test.edit(r)
			if got := do(h, r); status(got) != test.want {
				t.Errorf("%s, want %s", status(got), test.want)
			}
		})
	}
}

// TestPrincipalsUnderAStampede holds that callers who ask for one cold key at
// once share a call with themselves alone.
func TestPrincipalsUnderAStampede(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := baseRule()
		rule.Policy.Audience = policy.AudiencePrincipal
		rule.AuthRequired = true
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			text(r.Header.Get("X-Principal"))(w, r)
		}))
		name := func(i int) string { return []string{"ann", "Ann", "ann ", "bob", "ann\x00"}[i%5] }
		next := func(i int) *http.Request {
			return request(http.MethodGet, "/a", "X-Principal", name(i), "Authorization", "Bearer of "+name(i))
		}
		for range 2 {
			for i, w := range crowd(h, 1000, next) {
				if w.Body.String() != name(i) {
					t.Fatalf("%q gets %q", name(i), w.Body)
				}
			}
		}
		if calls.Load() != 5 {
			t.Errorf("%d calls", calls.Load())
		}
		anonymous := get(h, "/a")
		if !strings.HasPrefix(status(anonymous), "venta; fwd=bypass") {
			t.Errorf("nobody gets %s", status(anonymous))
		}
	})
}

// TestAttackerCannotWithdraw holds that a caller whose own credentials are
// refused does not take a public response from the others.
func TestAttackerCannotWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := refreshRule()
		rule.Policy.StaleIfError = time.Hour
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer bad" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			text("x")(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		if got := get(h, "/a", "Authorization", "Bearer bad"); got.Code != http.StatusUnauthorized {
			t.Errorf("%d %s", got.Code, status(got))
		}
		expect(t, get(h, "/a"), 200, "x", revalidating)
	})
}

// TestCallerCannotDrop holds that a refresh in the name of one caller, whose
// response is for them alone, does not take a public response from the others.
func TestCallerCannotDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := wrap(t, newStore(t, cache.Options{}), refreshRule(), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				w.Header().Set("Cache-Control", "no-store")
				text("mine")(w, r)
				return
			}
			w.Header().Set("Cache-Control", "public, max-age=60")
			text("x")(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		expect(t, get(h, "/a", "Authorization", "Bearer x"), 200, "x", revalidating)
		synctest.Wait()
		expect(t, get(h, "/a"), 200, "x", revalidating)
	})
}

// TestClientCertificates holds that they are credentials like others.
func TestClientCertificates(t *testing.T) {
	var calls atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, text("x")))
	for range 2 {
		r := request(http.MethodGet, "/a")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
		expect(t, do(h, r), 200, "x", missed)
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls", calls.Load())
	}
}

// TestStampedeOverTheWire has a thousand clients of a real server ask for one
// cold key.
func TestStampedeOverTheWire(t *testing.T) {
	var calls atomic.Int64
	all := make(chan struct{})
	var waiting atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
		<-all
		text("x")(w, r)
	}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if waiting.Add(1) == 1000 {
			close(all)
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).MaxConnsPerHost = 0
	statuses := make(chan int, 1000)
	for range 1000 {
		go func() {
			response, err := client.Get(server.URL + "/a")
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			statuses <- response.StatusCode
			_ = response.Body.Close()
		}()
	}
	for range 1000 {
		if code := <-statuses; code != 200 {
			t.Errorf("got %d", code)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls of the upstream", calls.Load())
	}
	client.CloseIdleConnections()
}
