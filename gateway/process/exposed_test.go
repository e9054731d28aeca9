package process_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/process"
)

// A page whose name leads to the admin address reads and purges nothing.
func TestAdminAddressHasItsNames(t *testing.T) {
	r := run(t, shop(nil), "admin_hosts: [gateway.internal]\n")
	get := func(host string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.AdminURL+"/policies", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := fresh().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	for host, want := range map[string]int{"": 200, "gateway.internal:8081": 200, "localhost": 200, "rebound.evil.example": 421} {
		if got := get(host); got != want {
			t.Errorf("%q: %d, want %d", host, got, want)
		}
	}
}

// What other machines reach unsecured is told at the start and by config check, in
// the same words, and no start of this machine alone says a thing.
func TestExposedAddressesAreToldOf(t *testing.T) {
	quiet := run(t, shop(nil), "")
	if strings.Contains(quiet.log.String(), `"WARN"`) {
		t.Errorf("an address of this machine is warned of: %s", quiet.log)
	}
	r := runWith(t, shop(nil), process.Options{Settings: []config.Setting{
		{From: "--http", Field: "http", Value: ":0"}, {From: "--admin", Field: "admin", Value: "0.0.0.0:0"}, {From: "--open", Field: "admin_access.open", Value: "true"},
	}})
	_, notes, err := execute(t, shop(nil), []string{"VENTA_HTTP=:8080", "VENTA_ADMIN=0.0.0.0:8081", "VENTA_ADMIN_ACCESS_OPEN=true"}, "config", "check", write(t, t.TempDir()+"/shop.yaml", "logging: {level: info}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"other machines reach the REST address without TLS", "other machines reach the admin address"} {
		r.logged(t, `WARN[^\n]*`+told)
		if !strings.Contains(notes, told) {
			t.Errorf("config check does not say %q: %s", told, notes)
		}
		if strings.Count(r.log.String(), told) != 1 {
			t.Errorf("it is told more than once: %s", r.log)
		}
	}
}

// Keys that a process makes itself are asked for, or nobody's token is believed.
func TestNoKeysWithoutAskingForThem(t *testing.T) {
	if err := startsAndEnds(t, "", []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "--dev-keys") {
		t.Errorf("serve without keys: %v", err)
	}
	r := runWith(t, shop(bearer), process.Options{Environ: []string{"VENTA_AUTH_DEVELOPMENT_KEYS=true"}})
	r.logged(t, `WARN[^\n]*whoever reads it can sign any token`)
	open := runWith(t, shop(nil), process.Options{}) // nothing asks for a token
	if status, _, body := call(t, fresh(), http.MethodGet, open.AdminURL+"/livez"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
