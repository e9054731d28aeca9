package scenario

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

var reload = Scenario{
	Name: "reload", About: "configuration changes under load: an invalid file changes nothing and is reported, a valid one takes effect, no request fails",
	Short: true, run: runReload,
}

// deprecated is a policy whose effect shows in every response and fails none.
var deprecated = stage.Override{Method: "GetVendor", Policy: `{version: {deprecated: "2026-01-01"}}`}

func runReload(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	plain := stage.Config{Vendor: stage.Target(backends...), Overrides: policies()}
	marked := plain
	marked.Overrides = append(policies(), deprecated)
	g, err := t.Gateway(ctx, plain)
	if err != nil {
		return err
	}
	run := t.Load(ctx, g.Base(), rate, limit, readsAndWrites)
	for _, bad := range badFiles(marked) {
		if err := t.refusesConfig(ctx, g, bad); err != nil {
			return err
		}
	}
	if err := t.takesConfig(ctx, g, "a valid file and SIGHUP", marked.YAML(), true, func() error { return g.Signal(syscall.SIGHUP) }); err != nil {
		return err
	}
	if err := t.takesConfig(ctx, g, "a valid file alone", plain.YAML(), false, func() error { return nil }); err != nil {
		return err
	}
	seen := run.Stop()
	t.saw("all", seen, uncounted)
	t.none(seen, "no request fails")
	return nil
}

// badFile is an invalid configuration.
type badFile struct {
	name, text string
	complaint  string // a part of it
}

// badFiles would each change what c changes, were they not invalid.
func badFiles(c stage.Config) []badFile {
	return []badFile{
		{"YAML that does not parse", c.YAML() + "\n  - {", ".yaml:"},
		{"an unknown field", c.YAML() + "colour: red\n", "colour"},
		{"an override out of bounds", c.YAML() + override("GetVendor", `{timeout: {duration: 100h}}`), "100h"},
		{"an unknown method", c.YAML() + override("GetVendors", `{timeout: {duration: 1s}}`), "GetVendors"},
	}
}

func override(method, policy string) string {
	return "  - methods: venta.vendor.v2.VendorService/" + method + "\n    policy: " + policy + "\n"
}

// underLoad is how long each configuration is under load.
const underLoad = 500 * time.Millisecond

// reloads is how long a configuration may take to be in force.
const reloads = 15 * time.Second

// refusesConfig gives the gateway an invalid file and waits until it has
// complained.
func (t *trial) refusesConfig(ctx context.Context, g *stage.Gateway, bad badFile) error {
	before := strings.Count(g.Log(), bad.complaint)
	if err := g.Configure(bad.text); err != nil {
		return err
	}
	if err := g.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	err := stage.Eventually(ctx, reloads, "the log says "+bad.complaint, func() (bool, error) {
		return strings.Count(g.Log(), bad.complaint) > before, nil
	})
	t.check(err == nil, bad.name+" is reported", "%v", errorOr(err, "it was"))
	is, err := t.isDeprecated(ctx, g)
	t.check(err == nil && !is, bad.name+" changes nothing", "%v", errorOr(err, "responses are marked: "+word(is)))
	return stage.Sleep(ctx, underLoad)
}

func (t *trial) takesConfig(ctx context.Context, g *stage.Gateway, name, yaml string, want bool, tell func() error) error {
	err := g.Configure(yaml)
	if err == nil {
		err = tell()
	}
	if err == nil {
		err = stage.Eventually(ctx, reloads, "the change shows", func() (bool, error) {
			is, err := t.isDeprecated(ctx, g)
			return is == want, err
		})
	}
	t.check(err == nil, name+" takes effect", "%v", errorOr(err, "it does"))
	return stage.Sleep(ctx, underLoad)
}

func word(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// isDeprecated reports whether responses bear the mark.
func (t *trial) isDeprecated(ctx context.Context, g *stage.Gateway) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Base()+"/v2/vendors/reload", http.NoBody)
	if err != nil {
		return false, err
	}
	request.Header, request.Close = t.Header(), true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	return response.Header.Get("Deprecation") != "", response.Body.Close()
}
