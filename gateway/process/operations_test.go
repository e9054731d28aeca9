package process_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/process"
)

// operator makes a token and its entry.
func operator(t *testing.T, id, role string, expires time.Time) (token string, entry auth.APIKey) {
	t.Helper()
	token, entry, err := auth.NewAPIKey(auth.APIKey{ID: id, Subject: id, Roles: []string{role}, Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	return token, entry
}

func entries(t *testing.T, all ...auth.APIKey) string {
	t.Helper()
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// beyond has the admin address on every interface of this machine.
var beyond = []config.Setting{{From: "--admin", Field: "admin", Value: "0.0.0.0:0"}}

// TestWhoMayDoWhatOnTheAdminAddress attacks each path with each kind of token, from
// an address of this machine and from one that others reach.
func TestWhoMayDoWhatOnTheAdminAddress(t *testing.T) {
	reader, readerEntry := operator(t, "prometheus", "read", time.Time{})
	op, opEntry := operator(t, "ada", "operate", time.Now().Add(time.Hour))
	late, lateEntry := operator(t, "eve", "operate", time.Now().Add(-time.Second))
	file := write(t, filepath.Join(t.TempDir(), "tokens.json"), entries(t, readerEntry, opEntry, lateEntry))
	tokens := map[string][]string{
		"none": nil, "wrong": {"Authorization", "Bearer vk_wrong"}, "basic": {"Authorization", "Basic " + op}, "read": {"Authorization", "Bearer " + reader},
		"operate": {"Authorization", "Bearer " + op}, "expired": {"Authorization", "bearer " + late}, "empty": {"Authorization", "Bearer "},
	}
	// What somebody without a right token, with the role read, and with operate gets.
	type row struct {
		request              string
		other, read, operate int
	}
	pages := []row{
		{"GET /livez", 200, 200, 200}, {"GET /readyz", 200, 200, 200}, {"GET /startupz", 200, 200, 200}, {"GET /nowhere", 404, 404, 404},
		{"GET /", 401, 200, 200}, {"GET /health", 401, 200, 200}, {"GET /policies", 401, 200, 200}, {"GET /upstreams", 401, 200, 200},
		{"GET /metrics", 401, 200, 200}, {"GET /mine", 401, 200, 200}, {"HEAD /policies", 401, 200, 200}, {"POST /mine", 401, 403, 200},
		{"POST /cache/purge", 401, 403, 415}, {"GET /debug/goroutines", 401, 403, 200}, {"GET /debug/pprof/heap", 401, 403, 200},
		{"GET /debug/pprof/goroutine?debug=1", 401, 403, 200}, {"GET /debug/pprof/profile?seconds=0", 401, 403, 200},
		{"GET /debug/pprof/trace?seconds=61", 401, 403, 400}, {"GET //policies", 307, 307, 307}, {"GET /livez/../policies", 307, 307, 307},
	}
	p := shop(nil)
	p.AdminRoutes = map[string]http.Handler{"/mine": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	required := "admin_access: {tokens_file: " + file + ", require_on_loopback: true}\n"
	for _, where := range []struct {
		name, config string
		settings     []config.Setting
		open         bool // who shows nothing does everything
		metrics      int  // without a right token
		shown        bool // what is shown must be right
	}{
		{"loopback", "", nil, true, 200, false},
		{"loopback with tokens", "admin_access: {tokens_file: " + file + "}\n", nil, true, 401, true},
		{"loopback that requires", required, nil, false, 401, true},
		{"beyond", "admin_access: {tokens_file: " + file + "}\n", beyond, false, 401, true},
		{"beyond with open metrics", "admin_access: {tokens_file: " + file + ", open_metrics: true}\n", beyond, false, 200, true},
		{"beyond and open", "admin_access: {open: true}\n", beyond, true, 200, false},
	} {
		t.Run(where.name, func(t *testing.T) {
			r := runWith(t, p, process.Options{ConfigFile: write(t, filepath.Join(t.TempDir(), "shop.yaml"), where.config), Local: true, Settings: where.settings})
			address := strings.Replace(r.AdminURL, "[::]", "127.0.0.1", 1)
			stays := fresh()
			stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			for _, page := range pages {
				for kind, fields := range tokens {
					verb, path, _ := strings.Cut(page.request, " ")
					want := page.other
					if path == "/metrics" {
						want = where.metrics
					}
					switch {
					case kind == "operate", kind == "none" && where.open, !where.shown:
						want = page.operate
					case kind == "read":
						want = page.read
					}
					status, header, body := call(t, stays, verb, address+path, fields...)
					if status != want {
						t.Errorf("%s with %s: %d %s, want %d", page.request, kind, status, body, want)
					}
					if challenged := header.Get("WWW-Authenticate") != ""; challenged != (status == 401 || status == 403) {
						t.Errorf("%s with %s: %d, %q", page.request, kind, status, header.Get("WWW-Authenticate"))
					}
				}
			}
			for _, token := range []string{reader, op, late} {
				if strings.Contains(r.log.String(), token) {
					t.Error("a token is logged")
				}
			}
		})
	}
}

// A page in an operator's browser does nothing with what the operator may do.
func TestABrowsersPagesDoNothing(t *testing.T) {
	r := run(t, shop(nil), "")
	for _, fields := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
	} {
		for _, request := range []string{"POST /cache/purge", "GET /debug/pprof/profile", "GET /debug/goroutines", "GET /debug/pprof/heap"} {
			verb, path, _ := strings.Cut(request, " ")
			if status, _, body := call(t, fresh(), verb, r.AdminURL+path, fields...); status != http.StatusForbidden {
				t.Errorf("%s %v: %d %s", request, fields, status, body)
			}
		}
	}
	if status, _, _ := call(t, fresh(), http.MethodGet, r.AdminURL+"/debug/goroutines", "Sec-Fetch-Site", "none"); status != http.StatusOK {
		t.Errorf("typed by the operator: %d", status)
	}
}

// Tokens come and go with their file, and who did what is told.
func TestOperatorsTokensChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	first, firstEntry := operator(t, "ada", "operate", time.Time{})
	second, secondEntry := operator(t, "eve", "operate", time.Time{})
	write(t, file, entries(t, firstEntry))
	records := filepath.Join(t.TempDir(), "audit.log")
	r := run(t, shop(nil), "admin_access: {tokens_file: "+file+", require_on_loopback: true}\naudit: {file: "+records+"}\n")
	status := func(token string) int {
		got, _, _ := call(t, fresh(), http.MethodGet, r.AdminURL+"/debug/goroutines", "Authorization", "Bearer "+token)
		return got
	}
	if status(first) != http.StatusOK || status(second) != http.StatusUnauthorized {
		t.Errorf("%d, %d", status(first), status(second))
	}
	r.logged(t, `"msg":"an operator acts","operator":"ada","method":"GET","path":"/debug/goroutines"`)
	r.logged(t, `"msg":"a request to the admin address is refused"[^\n]*"status":401`)
	if got := purge(t, r.AdminURL, `{"all": true}`, "Authorization", "Bearer "+first); got != http.StatusOK {
		t.Errorf("purge: %d", got)
	}
	audited(t, records, "action", "cache.purge", "actor.name", "ada")
	replace(t, file, entries(t, secondEntry))
	within(t, waitLimit, "the new token works", func() bool { return status(second) == http.StatusOK })
	if got := status(first); got != http.StatusUnauthorized {
		t.Errorf("the old one: %d", got)
	}
	replace(t, file, `[{"id":"x"}]`)
	r.logged(t, `admin tokens `)
	if got := status(second); got != http.StatusOK {
		t.Errorf("after a file that is wrong: %d", got)
	}
}

func TestAdmintokenCommand(t *testing.T) {
	out, _, err := execute(t, shop(nil), nil, "admintoken", "ada", "--role", "operate", "--ttl", "1h")
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ := strings.Cut(out, "\n")
	_, entry, _ := strings.Cut(out, "(a JSON array):\n\n")
	file := write(t, filepath.Join(t.TempDir(), "tokens.json"), "["+strings.TrimSpace(entry)+"]")
	r := run(t, shop(nil), "admin_access: {tokens_file: "+file+", require_on_loopback: true}\n")
	if status, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+"/debug/goroutines", "Authorization", "Bearer "+token); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if _, _, err := execute(t, shop(nil), nil, "admintoken", "ada", "--role", "root"); err == nil {
		t.Error("any role is taken")
	}
}

// Health is on the REST address where it is asked for, for strangers.
func TestHealthOnTheRESTAddress(t *testing.T) {
	r := run(t, shop(nil), "health: {on_http: true}\n")
	for path, want := range map[string]string{"/livez": "ok", "/readyz": "ok", "/startupz": "ok", "/health": `"services":{"orders":"ok"}}`} {
		if status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/metrics"); status != http.StatusNotFound {
		t.Errorf("/metrics: %d", status)
	}
	quiet := run(t, shop(nil), "")
	if status, _, _ := call(t, fresh(), http.MethodGet, quiet.HTTPURL+"/health"); status != http.StatusNotFound {
		t.Errorf("unasked: %d", status)
	}
	own := shop(nil)
	own.Routes = map[string]http.Handler{"GET /health": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	mine := run(t, own, "health: {on_http: true}\n")
	if status, _, _ := call(t, fresh(), http.MethodGet, mine.HTTPURL+"/health"); status != http.StatusTeapot {
		t.Errorf("the program's own: %d", status)
	}
}

// An upstream that is away makes a gateway unready only where it is critical.
func TestCriticalUpstreams(t *testing.T) {
	for criticality, ready := range map[string]int{"degradable": 200, "critical": 503} {
		t.Run(criticality, func(t *testing.T) {
			text := "health: {critical_after: 0s}\n"
			if criticality == "critical" {
				text = "health: {critical_after: 0s, critical: [orders]}\n"
			}
			r := runWith(t, shop(nil), process.Options{ConfigFile: write(t, filepath.Join(t.TempDir(), "shop.yaml"), text)})
			status, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+"/health") // it waits for the first look
			if status != ready || !strings.Contains(body, `"services":{"orders":"unavailable"}`) || !strings.Contains(body, "connection refused") {
				t.Errorf("%d %s", status, body)
			}
			for path, want := range map[string]int{"/livez": 200, "/startupz": 200, "/readyz": ready} {
				if got, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+path); got != want {
					t.Errorf("%s: %d %s", path, got, body)
				}
			}
			labels := `venta_dependency_criticality="` + criticality + `",venta_dependency_kind="upstream",venta_dependency_name="orders"`
			if !r.metric(t, `venta_dependency_healthy\{[^}]*`+labels+`[^}]*\} 0`) {
				t.Error("no metric says so")
			}
		})
	}
}

// What a local server depends on is a dependency of the process.
func TestDependenciesOfLocalServers(t *testing.T) {
	p := shop(nil)
	orders := p.Upstreams["orders"]
	register := orders.Serve
	orders.Serve, orders.Server = nil, dependent(register)
	p.Upstreams["orders"] = orders
	r := run(t, p, "")
	_, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+"/health")
	if !strings.Contains(body, `"status":"degraded"`) || !strings.Contains(body, `"componentType":"database"`) || !strings.Contains(body, os.ErrClosed.Error()) {
		t.Error(body)
	}
}

// plain is a server without the health protocol.
type plain struct{ *grpc.Server }

func (p plain) Serve(ctx context.Context, listener net.Listener) error {
	defer context.AfterFunc(ctx, p.GracefulStop)()
	return p.Server.Serve(listener)
}

// dependent makes servers whose database is down.
func dependent(register func(grpc.ServiceRegistrar)) func(context.Context, process.Host) (process.Server, error) {
	return func(_ context.Context, host process.Host) (process.Server, error) {
		host.Depend(health.Dependency{Name: "database", Kind: health.KindDatabase, Check: func(context.Context) error { return os.ErrClosed }})
		s := plain{grpc.NewServer()}
		register(s)
		return s, nil
	}
}
