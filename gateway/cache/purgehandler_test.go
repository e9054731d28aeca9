package cache_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

func post(h http.Handler, body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/cache/purge", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPurgeHandler(t *testing.T) {
	many := `{"tags": [` + strings.Repeat(`"a",`, 256) + `"a"]}`
	tests := []struct {
		name, body string
		fields     []string
		code       int
		purges     string // of those stored under a, b and nothing
	}{
		{"one tag", `{"tags": ["a"]}`, nil, 200, "a"},
		{"two tags", ` {"tags": ["a", "b"]} `, nil, 200, "ab"},
		{"another tag", `{"tags": ["c"]}`, nil, 200, ""},
		{"all", `{"all": true}`, nil, 200, "ab-"},
		{"with a charset", `{"all": true}`, []string{"Content-Type", "application/json; charset=utf-8"}, 200, "ab-"},
		{"both", `{"all": true, "tags": ["a"]}`, nil, 400, ""},
		{"neither", `{}`, nil, 400, ""},
		{"no tags", `{"tags": []}`, nil, 400, ""},
		{"an empty tag", `{"tags": ["a", ""]}`, nil, 400, ""},
		{"a long tag", `{"tags": ["` + strings.Repeat("a", 2000) + `"]}`, nil, 400, ""},
		{"many tags", many, nil, 400, ""},
		{"another field", `{"tag": "a"}`, nil, 400, ""},
		{"two values", `{"all": true}{"all": true}`, nil, 400, ""},
		{"no JSON", `all`, nil, 400, ""},
		{"nothing", ``, nil, 400, ""},
		{"too much", `{"tags": ["` + strings.Repeat("a", 70_000) + `"]}`, nil, 413, ""},
		{"a form", `{"all": true}`, []string{"Content-Type", "text/plain"}, 415, ""},
		{"no type", `{"all": true}`, []string{"Content-Type", ""}, 415, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, cache.Options{})
			rule := baseRule()
			rule.IgnoreTargets = true
			reads := wrap(t, s, rule, text("x"))
			for _, tag := range []string{"a", "b", ""} {
				get(reads, "/"+tag, "X-Tags", tag)
			}
			w := post(s.PurgeHandler(), test.body, test.fields...)
			if w.Code != test.code || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			var d cache.Delivery
			if err := json.Unmarshal(w.Body.Bytes(), &d); test.code == 200 && (err != nil || d != cache.Delivery{Processes: 1, Acknowledged: 1}) {
				t.Errorf("%s: %v", w.Body, err)
			}
			purged := ""
			for _, tag := range []string{"a", "b", ""} {
				if get(reads, "/"+tag, "Cache-Control", "only-if-cached").Code != http.StatusOK {
					purged += fmt.Sprintf("%.1s", tag+"-")
				}
			}
			if purged != test.purges {
				t.Errorf("purged %q, want %q", purged, test.purges)
			}
		})
	}
	w := httptest.NewRecorder()
	newStore(t, cache.Options{}).PurgeHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/cache/purge", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

// TestPurgeHandlerOfAFleet purges at all Stores.
func TestPurgeHandlerOfAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(1)
		first, _ := newRemoteStore(t, h)
		second, _ := newRemoteStore(t, h)
		for _, body := range []string{`{"all": true}`, `{"tags": ["v"]}`} {
			reads := wrap(t, second, baseRule(), text("x"))
			get(reads, "/a", "X-Tags", "v")
			time.Sleep(time.Second) // virtual
			if w := post(first.PurgeHandler(), body); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"processes":2,"acknowledged":2}` {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w := get(reads, "/a", "X-Tags", "v"); !strings.Contains(status(w), "fwd=uri-miss") {
				t.Errorf("%s: %q", body, status(w))
			}
			time.Sleep(time.Second) // virtual
		}
	})
}
