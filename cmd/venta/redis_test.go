package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// sharing is a fleet of gateways before the same services and the same Redis.
type sharing struct {
	redis    *redistest.Server
	data     string
	gateways []*process
	bases    []string // of REST
	admins   []string
	token    string
}

// redisConfig is a configuration of the given Redis, with overrides.
func redisConfig(t *testing.T, address, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "venta.yaml")
	text := fmt.Sprintf("redis:\n  addresses: [%q]\n  timeout: 1s\ncache:\n  remote: true\n  purge_wait: 5s\n  max_staleness: 2s\n%s", address, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startSharing(t *testing.T, gateways int, overrides string) *sharing {
	t.Helper()
	f := &fleet{data: t.TempDir()}
	_, vendor := f.service(t, "vendor", "127.0.0.1:0")
	_, user := f.service(t, "user", "127.0.0.1:0")
	_, location := f.service(t, "location", "127.0.0.1:0")
	s := &sharing{redis: redistest.Start(t), data: f.data, token: token(t, f.data, "ada")}
	config := redisConfig(t, s.redis.Addr, overrides)
	for range gateways {
		gw := start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", f.data, "--config", config,
			"--upstream", "vendor="+vendor, "--upstream", "user="+user, "--upstream", "location="+location)
		s.gateways = append(s.gateways, gw)
		s.bases = append(s.bases, gw.address(t, `REST on (http://\S+) `))
		s.admins = append(s.admins, gw.address(t, `health on (http://\S+:\d+)`))
	}
	return s
}

// client returns a client of one of the gateways, which all have one name.
func (s *sharing) client(gateway int) *client {
	c := newClient(s.bases[gateway], s.token, "127.0.0.1")
	c.host = "venta.test"
	return c
}

// tally sends requests to all gateways at once and counts the statuses.
func (s *sharing) tally(t *testing.T, each int, path string) map[int]int {
	t.Helper()
	counts := map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range s.bases {
		c := s.client(i)
		all.Go(func() {
			for range each {
				got := c.do(t, http.MethodGet, path, "")
				mu.Lock()
				counts[got.status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

const sharedLimit = `overrides:
- methods: venta.vendor.v1.VendorService/GetVendor
  policy:
    rate_limits:
    - {requests: 50, interval: 24h, key: {global: true}, scope: shared, on_store_failure: local}
    cache: {disabled: true}
- methods: venta.vendor.v2.VendorService/ListVendors
  reason: one count for the whole fleet
  policy:
    rate_limits:
    - {requests: 100, interval: 24h, key: {global: true}, scope: shared, on_store_failure: %s}
`

// TestGatewaysShareALimit holds that four processes admit together what the limit
// says, exactly, and that each goes on by itself while Redis stands still.
func TestGatewaysShareALimit(t *testing.T) {
	t.Parallel()
	s := startSharing(t, 4, fmt.Sprintf(sharedLimit, "local"))
	if got := s.tally(t, 40, "/v2/vendors"); got[http.StatusOK] != 100 || got[http.StatusTooManyRequests] != 60 {
		t.Errorf("admitted %v, want 100 of 160", got)
	}
	s.redis.Pause()
	// 30 at each are more than the 50 that all share, and fewer than 50.
	if got := s.tally(t, 30, "/v1/vendors/nosuch"); got[http.StatusNotFound] != 120 {
		t.Errorf("while Redis stands still: %v, want each gateway to count alone", got)
	}
	s.redis.Resume()
	back := poll(t, waitLimit, 100*time.Millisecond, func() bool { // each gateway finds Redis again by a probe of its own
		return s.tally(t, 1, "/v2/vendors")[http.StatusTooManyRequests] == 4
	})
	if !back {
		t.Error("the shared count, which is used up, did not come back")
	}
}

const unlimited = `overrides:
- methods: venta.vendor.v2.VendorService/*
  policy: {rate_limits: [{disabled: true}]}
`

// TestWritesAreReadThroughEveryGateway holds that a write's response means that no
// gateway has the older state any more.
func TestWritesAreReadThroughEveryGateway(t *testing.T) {
	t.Parallel()
	s := startSharing(t, 3, unlimited)
	writer := s.client(0)
	created := writer.do(t, http.MethodPost, "/v2/vendors", `{"name":"0","email":"ada@example.com"}`)
	path := created.header.Get("Location")
	if created.status != http.StatusCreated || path == "" {
		t.Fatalf("%d %s", created.status, created.body)
	}
	for _, admin := range s.admins { // a gateway that has just met Redis does not trust what it has stored yet
		ops := newClient(admin, "", "127.0.0.1")
		if !poll(t, waitLimit, 20*time.Millisecond, func() bool {
			return strings.Contains(ops.do(t, http.MethodGet, "/metrics", "").body, "\nventa_cache_trusted 1")
		}) {
			t.Fatal("what is stored is not trusted")
		}
	}
	level1, level2 := 0, 0
	for i := 1; i <= 20; i++ {
		name := fmt.Sprintf(`"name":"%d"`, i)
		if got := writer.do(t, http.MethodPatch, path, "{"+name+"}"); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for g := range s.bases {
			reader := s.client(g)
			for range 2 {
				got := reader.do(t, http.MethodGet, path, "")
				if got.status != http.StatusOK || !strings.Contains(strings.ReplaceAll(got.body, " ", ""), name) {
					t.Fatalf("gateway %d after write %d: %d %s, %s", g, i, got.status, got.body, got.header.Get("Cache-Status"))
				}
				if status := got.header.Get("Cache-Status"); strings.Contains(status, "level-2") {
					level2++
				} else if strings.Contains(status, "hit") {
					level1++
				}
			}
		}
	}
	if level1 == 0 || level2 == 0 {
		t.Errorf("%d responses from level 1 and %d from level 2: too few to show anything", level1, level2)
	}
}

func TestRedisAtStart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	gateway := func(address, more string) *process {
		config := redisConfig(t, address, more)
		return start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--config", config)
	}
	refused := gateway(server.Addr, "")
	if code := refused.wait(t); code != 1 || !strings.Contains(refused.stderr.String(), "redis") || strings.Count(refused.stderr.String(), "venta:") != 1 {
		t.Errorf("without a password: exit code %d, %s", code, refused.stderr)
	}
	away := gateway("127.0.0.1:1", "") // nobody listens there
	away.address(t, `REST on (http://\S+) `)
	if code := away.stop(t); code != 0 {
		t.Errorf("with Redis away: exit code %d", code)
	}
}

// TestSharedLimitNeedsAStore holds that a limit which nobody could share stops the
// start.
func TestSharedLimitNeedsAStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "venta.yaml")
	if err := os.WriteFile(path, []byte(fmt.Sprintf(sharedLimit, "deny")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--config", path)
	if code := p.wait(t); code != 1 || !strings.Contains(p.stderr.String(), "configure Redis") {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
}
