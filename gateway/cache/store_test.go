package cache_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

func TestNewStoreRefuses(t *testing.T) {
	tests := []struct {
		opts cache.Options
		want string
	}{
		{cache.Options{MaxBytes: -1}, "negative"},
		{cache.Options{MaxEntryBytes: -1}, "negative"},
		{cache.Options{MaxVariants: -1}, "negative"},
		{cache.Options{TagCounters: -1}, "negative"},
		{cache.Options{MaxBytes: 10, MaxEntryBytes: 11}, "an entry of 11 bytes does not fit into 10"},
		{cache.Options{MaxBytes: 1 << 40, MaxEntryBytes: 1 << 30, MaxVariants: 4}, "4 GiB"},
	}
	for _, test := range tests {
		if s, err := cache.NewStore(test.opts); s != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q in it", test.opts, err, test.want)
		}
	}
	if _, err := cache.NewStore(cache.Options{MaxBytes: 1000}); err != nil {
		t.Errorf("a small store: %v", err)
	}
}

func TestMiddlewareRefuses(t *testing.T) {
	tests := []struct {
		change func(*cache.Rule)
		want   string
	}{
		{func(r *cache.Rule) { r.Name = "" }, "no name"},
		{func(r *cache.Rule) { r.Key = nil }, "no Key"},
		{func(r *cache.Rule) { r.OnError = nil }, "no OnError"},
		{func(r *cache.Rule) { r.Policy.TTL = 0 }, "no TTL"},
		{func(r *cache.Rule) { r.Policy.Tags, r.Tags = []string{"a"}, nil }, "no Tags"},
		{func(r *cache.Rule) { r.Policy.Audience, r.Principal = policy.AudiencePrincipal, nil }, "no Principal"},
		{func(r *cache.Rule) { r.Policy.Audience = 7 }, "unknown audience 7"},
		{func(r *cache.Rule) { r.Policy.VaryHeaders = []string{"*"} }, `"*" is no header field`},
		{func(r *cache.Rule) { r.Policy.VaryHeaders = []string{"a b"} }, `"a b" is no header field`},
	}
	s := newStore(t, cache.Options{})
	for _, test := range tests {
		rule := baseRule()
		test.change(&rule)
		if middleware, err := s.Middleware(rule); middleware != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q in it", err, test.want)
		}
	}
	rule := baseRule()
	rule.Tags, rule.Principal = nil, nil
	expect(t, get(wrap(t, s, rule, text("x")), "/a"), 200, "x", stored)
}

// TestFloodOfKeys holds that one key after another does not push out what is
// asked for often.
func TestFloodOfKeys(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{MaxBytes: 1 << 20}), baseRule(), text(strings.Repeat("x", 1000)))
	hits := 0
	for i := range 20_000 {
		get(h, fmt.Sprint("/flood?", i))
		if i%10 == 0 && strings.HasPrefix(status(get(h, "/hot")), "venta; hit") {
			hits++
		}
	}
	if hits < 1900 {
		t.Errorf("%d of 2000 requests for the hot key were hits", hits)
	}
}

func TestTTLOfADay(t *testing.T) {
	rule := baseRule()
	rule.Policy.TTL = 24 * time.Hour
	h := wrap(t, newStore(t, cache.Options{}), rule, text("x"))
	get(h, "/a")
	if w := get(h, "/a"); w.Code != http.StatusOK || status(w) != "venta; hit; ttl=86400" {
		t.Errorf("%d %s", w.Code, status(w))
	}
}
