package main_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver
)

// startDev runs `venta dev` on free ports and returns its REST and admin addresses.
func startDev(t *testing.T, data string) (p *process, base, admin string) {
	t.Helper()
	p = start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data)
	base = p.address(t, `REST on (http://\S+) `)
	admin = p.address(t, `health on (http://\S+) `)
	return p, base, admin
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func keys(m map[string]any) map[string]bool {
	set := map[string]bool{}
	for k := range m {
		set[k] = true
	}
	return set
}

func createVendor(t *testing.T, c *client) string {
	t.Helper()
	created := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`)
	if created.status != http.StatusCreated {
		t.Fatalf("create: %d %s", created.status, created.body)
	}
	return decode(t, created.body)["id"].(string)
}

// settled waits until each change has been told, and the gateway has had the time to
// hear of it: what is read from then on stays stored. What was told before the gateway
// listened is counted nowhere, so there is no number to wait for.
func settled(t *testing.T, admin string) {
	t.Helper()
	ops := newClient(admin, "", "127.0.0.2")
	quiet := 0 // readings in a row
	if !poll(t, waitLimit, 50*time.Millisecond, func() bool {
		metrics := ops.do(t, http.MethodGet, "/metrics", "").body
		quiet++
		if sumOf(metrics, "venta_outbox_published_total") == 0 || sumOf(metrics, "venta_outbox_events") > 0 {
			quiet = 0
		}
		return quiet == 10
	}) {
		t.Fatal("there are always events on the way")
	}
}

// sumOf adds the series of a metric up.
func sumOf(metrics, name string) (sum float64) {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, name+"{") {
			value, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:]), 64)
			sum += value
		}
	}
	return sum
}

// testLostUpdate has two clients change and delete what both have read.
func testLostUpdate(t *testing.T, c *client, admin string) {
	path := "/v2/vendors/" + createVendor(t, c)
	settled(t, admin)
	tag := c.do(t, http.MethodGet, path, "").header.Get("Etag")
	if again := c.do(t, http.MethodGet, path, ""); tag == "" || again.header.Get("Etag") != tag || !strings.Contains(again.header.Get("Cache-Status"), "hit") {
		t.Fatalf("ETag %q, then %v", tag, again.header)
	}
	if got := c.do(t, http.MethodPatch, path, `{"name":"One"}`, "If-Match", tag); got.status != http.StatusOK {
		t.Fatalf("the first update: %d %s", got.status, got.body)
	}
	for _, lost := range []response{
		c.do(t, http.MethodPatch, path, `{"name":"Two"}`, "If-Match", tag),
		c.do(t, http.MethodDelete, path, "", "If-Match", tag),
	} {
		if lost.status != http.StatusPreconditionFailed || !strings.Contains(lost.body, "PRECONDITION_FAILED") {
			t.Errorf("an update that would be lost: %d %s", lost.status, lost.body)
		}
	}
	now := c.do(t, http.MethodGet, path, "")
	if now.header.Get("Etag") == tag || decode(t, now.body)["name"] != "One" {
		t.Errorf("%q %s", now.header.Get("Etag"), now.body)
	}
	refused := c.do(t, http.MethodPut, strings.Replace(path, "v2", "v1", 1), `{"name":"Two"}`, "If-Match", now.header.Get("Etag"))
	if refused.status != http.StatusBadRequest || !strings.Contains(refused.body, "PRECONDITION_UNSUPPORTED") {
		t.Errorf("v1 knows no versions: %d %s", refused.status, refused.body)
	}
	if got := c.do(t, http.MethodDelete, path, "", "If-Match", now.header.Get("Etag")); got.status != http.StatusNoContent {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestDev(t *testing.T) { //nolint:tparallel // each step sees what the last one did
	t.Parallel()
	data := t.TempDir()
	_, base, admin := startDev(t, data)
	ada := token(t, data, "ada")
	c := newClient(base, ada, "127.0.0.2")

	created := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`)
	id, _ := decode(t, created.body)["id"].(string)
	if created.status != http.StatusCreated || id == "" || created.header.Get("Location") != "/v2/vendors/"+id {
		t.Fatalf("create: %d %v %s", created.status, created.header, created.body)
	}

	t.Run("v1 and v2 have their shapes", func(t *testing.T) {
		v1 := c.do(t, http.MethodGet, "/v1/vendors/"+id, "")
		want := map[string]bool{
			"id": true, "lat": true, "long": true, "name": true, "description": true, "phone": true, "email": true,
			"website": true, "open": true, "primaryImage": true, "createdAt": true, "updatedAt": true,
		}
		if diff := cmp.Diff(want, keys(decode(t, v1.body))); v1.status != http.StatusOK || diff != "" {
			t.Errorf("v1: %d (-want +got):\n%s", v1.status, diff)
		}
		if lat := decode(t, v1.body)["lat"]; lat != nil {
			t.Errorf("v1: lat is %v while unknown", lat)
		}
		if v1.header.Get("Deprecation") == "" || v1.header.Get("Sunset") == "" ||
			v1.header.Get("Link") != `</v2/vendors/`+id+`>; rel="successor-version"` {
			t.Errorf("v1: headers %v", v1.header)
		}
		v2 := c.do(t, http.MethodGet, "/v2/vendors/"+id, "")
		want = map[string]bool{
			"id": true, "name": true, "description": true, "phone": true, "email": true, "website": true,
			"isOpen": true, "profileImage": true, "createdAt": true, "updatedAt": true, "etag": true,
		}
		if diff := cmp.Diff(want, keys(decode(t, v2.body))); v2.status != http.StatusOK || diff != "" {
			t.Errorf("v2: %d (-want +got):\n%s", v2.status, diff)
		}
		if v2.header.Get("Deprecation") != "" {
			t.Error("v2 says that it is deprecated")
		}
	})

	t.Run("401 without a token", func(t *testing.T) {
		got := newClient(base, "", "127.0.0.3").do(t, http.MethodGet, "/v2/vendors/"+id, "")
		if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
	})

	t.Run("400 with field violations", func(t *testing.T) {
		got := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"","email":"nobody"}`)
		if got.status != http.StatusBadRequest {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for _, want := range []string{`"field": *"name"`, `"field": *"email"`, `"requestId": *"[0-9a-f]{32}"`} {
			if !regexp.MustCompile(want).MatchString(got.body) {
				t.Errorf("no %s in %s", want, got.body)
			}
		}
		unknown := c.do(t, http.MethodPost, "/v2/vendors", `{"name":"a","email":"a@example.com","colour":"typo"}`)
		if unknown.status != http.StatusBadRequest || !strings.Contains(unknown.body, "colour") {
			t.Errorf("unknown field: %d %s", unknown.status, unknown.body)
		}
	})

	t.Run("404 for a stranger's update", func(t *testing.T) {
		eve := newClient(base, token(t, data, "eve"), "127.0.0.4")
		for _, got := range []response{
			eve.do(t, http.MethodPut, "/v1/vendors/"+id, `{"name":"Mine"}`),
			eve.do(t, http.MethodPatch, "/v2/vendors/"+id, `{"name":"Mine"}`),
			eve.do(t, http.MethodDelete, "/v2/vendors/"+id, ""),
			eve.do(t, http.MethodPost, "/v1/locations/"+id, `{"lat":1,"lng":2}`),
		} {
			if got.status != http.StatusNotFound {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	})

	t.Run("412 for an update of a version that has passed", func(t *testing.T) {
		testLostUpdate(t, newClient(base, ada, "127.0.0.5"), admin)
	})

	t.Run("no route, no method", func(t *testing.T) {
		if got := c.do(t, http.MethodGet, "/v3/vendors", ""); got.status != http.StatusNotFound {
			t.Errorf("%d %s", got.status, got.body)
		}
		got := c.do(t, http.MethodPost, "/v2/vendors/"+id, "")
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "DELETE, GET, HEAD, PATCH" {
			t.Errorf("%d %v", got.status, got.header)
		}
	})

	t.Run("location", func(t *testing.T) {
		if got := c.do(t, http.MethodPost, "/v1/locations/"+id, `{"lat":52.5,"lng":13.4}`); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		fresh := decode(t, c.do(t, http.MethodGet, "/v2/vendors/"+id, "").body)
		if diff := cmp.Diff(map[string]any{"lat": 52.5, "lng": 13.4}, fresh["coordinates"]); diff != "" {
			t.Errorf("coordinates (-want +got):\n%s", diff)
		}
		found := c.do(t, http.MethodGet, "/v1/locations?sw.lat=52.5&sw.lng=13.4&ne.lat=53&ne.lng=14", "")
		if found.status != http.StatusOK || !strings.Contains(found.body, id) {
			t.Errorf("%d %s", found.status, found.body)
		}
		for _, query := range []string{"sw.lat=91&sw.lng=0&ne.lat=92&ne.lng=1", "sw.lat=2&sw.lng=0&ne.lat=1&ne.lng=1", "sw.lat=1&sw.lng=0"} {
			if got := c.do(t, http.MethodGet, "/v1/locations?"+query, ""); got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", query, got.status, got.body)
			}
		}
	})

	t.Run("empty lists are lists", func(t *testing.T) {
		got := newClient(base, token(t, data, "nobody"), "127.0.0.5").do(t, http.MethodGet, "/v1/users/me/vendors", "")
		if diff := cmp.Diff(map[string]any{"vendors": []any{}}, decode(t, got.body)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("delete", func(t *testing.T) {
		victim := createVendor(t, c)
		if got := c.do(t, http.MethodDelete, "/v2/vendors/"+victim, ""); got.status != http.StatusNoContent || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := c.do(t, http.MethodGet, "/v2/vendors/"+victim, ""); got.status != http.StatusNotFound {
			t.Errorf("after delete: %d %s", got.status, got.body)
		}
	})
}

func TestCacheAndRateLimit(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, base, admin := startDev(t, data)
	c := newClient(base, token(t, data, "ada"), "127.0.0.2")
	id := createVendor(t, c)
	settled(t, admin)
	path := "/v1/vendors/" + id

	first := c.do(t, http.MethodGet, path, "") // 1
	repeated := c.do(t, http.MethodGet, path, "")
	if hit := repeated.header.Get("Cache-Status"); !strings.Contains(hit, "hit") || strings.Contains(first.header.Get("Cache-Status"), "hit") {
		t.Errorf("Cache-Status %q, then %q", first.header.Get("Cache-Status"), hit)
	}
	if first.body != repeated.body {
		t.Errorf("first %s, then %s", first.body, repeated.body)
	}
	if got := c.do(t, http.MethodPut, path, `{"name":"Renamed"}`); got.status != http.StatusOK {
		t.Fatalf("update: %d %s", got.status, got.body)
	}
	third := c.do(t, http.MethodGet, path, "") // 3
	if decode(t, third.body)["name"] != "Renamed" || strings.Contains(third.header.Get("Cache-Status"), "hit") {
		t.Errorf("after the update: %v %s", third.header, third.body)
	}
	for i := 4; i <= 10; i++ {
		if got := c.do(t, http.MethodGet, path, ""); got.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", i, got.status, got.body)
		}
	}
	eleventh := c.do(t, http.MethodGet, path, "")
	if eleventh.status != http.StatusTooManyRequests || eleventh.header.Get("Retry-After") == "" {
		t.Errorf("request 11: %d %v", eleventh.status, eleventh.header)
	}
	if got := c.do(t, http.MethodGet, "/v2/vendors/"+id, ""); got.status != http.StatusTooManyRequests {
		t.Errorf("the other version has a count of its own: %d %s", got.status, got.body)
	}
	if got := newClient(base, c.token, "127.0.0.3").do(t, http.MethodGet, path, ""); got.status != http.StatusOK {
		t.Errorf("another client: %d %s", got.status, got.body)
	}
}

func TestUsersNeverShareResponses(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, base, _ := startDev(t, data)
	ada := newClient(base, token(t, data, "ada"), "127.0.0.2")
	createVendor(t, ada)
	for range 2 { // the second is a hit
		if got := ada.do(t, http.MethodGet, "/v1/users/me/vendors", ""); !strings.Contains(got.body, "Tacos Ada") {
			t.Errorf("ada: %s", got.body)
		}
		eve := newClient(base, token(t, data, "eve"), "127.0.0.2")
		if got := eve.do(t, http.MethodGet, "/v1/users/me/vendors", ""); strings.Contains(got.body, "Tacos Ada") {
			t.Errorf("eve sees %s", got.body)
		}
	}
}

func TestPrintedCurlLinesWork(t *testing.T) {
	t.Parallel()
	p, _, _ := startDev(t, t.TempDir())
	p.address(t, `(me/vendors)`)
	printed := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(p.stdout.String(), -1)
	if len(printed) != 3 {
		t.Fatalf("%d curl lines:\n%s", len(printed), p.stdout)
	}
	for i, want := range []string{"201 Created", "200 OK", "200 OK"} {
		out, err := exec.Command("sh", "-c", printed[i]).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s\n%v: %s", printed[i], err, out)
		}
	}
}

func TestRestartKeepsDataAndExitsClean(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, base, admin := startDev(t, data)
	id := createVendor(t, newClient(base, token(t, data, "ada"), "127.0.0.2"))
	ops := newClient(admin, "", "127.0.0.2")
	for _, path := range []string{"/livez", "/readyz"} {
		if got := ops.do(t, http.MethodGet, path, ""); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	health := ops.do(t, http.MethodGet, "/health", "")
	doc := decode(t, health.body)
	if diff := cmp.Diff(map[string]any{"vendor": "ok", "user": "ok", "location": "ok"}, doc["services"]); diff != "" || doc["status"] != "ok" || doc["timestamp"] == "" {
		t.Errorf("health: %s", health.body)
	}
	metrics := ops.do(t, http.MethodGet, "/metrics", "").body
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="201",http_route="/v2/vendors",`,
		`venta_circuit_breaker_state{venta_circuit_breaker_name="venta.vendor.v2.VendorService.CreateVendor",venta_circuit_breaker_state="closed"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	_, base, _ = startDev(t, data)
	got := newClient(base, token(t, data, "ada"), "127.0.0.2").do(t, http.MethodGet, "/v2/vendors/"+id, "")
	if got.status != http.StatusOK {
		t.Errorf("after the restart: %d %s", got.status, got.body)
	}
}

// A database that fails is seen by the services, and through them by the gateway.
func TestHealthOfTheDatabase(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, _, admin := startDev(t, data)
	ops := newClient(admin, "", "127.0.0.2")
	shows := func(what string) {
		t.Helper()
		if !poll(t, time.Minute, 50*time.Millisecond, func() bool { return strings.Contains(ops.do(t, http.MethodGet, "/health", "").body, what) }) {
			t.Fatalf("%s is never shown", what)
		}
	}
	shows(`"services":{"location":"ok","user":"ok","vendor":"ok"}`)
	file, err := sql.Open("sqlite", filepath.Join(data, "venta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ExecContext(t.Context(), "ALTER TABLE settings RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	shows(`"services":{"location":"unavailable","user":"unavailable","vendor":"unavailable"}`)
	if got := ops.do(t, http.MethodGet, "/metrics", "").body; !strings.Contains(got, `venta_dependency_healthy{`) ||
		!strings.Contains(got, `venta_dependency_kind="database",venta_dependency_name="database"`) {
		t.Error("no metric of the database")
	}
	if got := ops.do(t, http.MethodGet, "/readyz", ""); got.status != http.StatusOK {
		t.Errorf("not ready: %d", got.status)
	}
}
