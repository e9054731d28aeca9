package process

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway"
)

// policyCommand shows what a gateway with a configuration would hold RPCs to. It
// serves nothing.
type policyCommand struct {
	List    policyListCommand    `cmd:"" help:"Print a line for each RPC: its routes and the blocks in force."`
	Explain policyExplainCommand `cmd:"" help:"Print the policy of an RPC with every default, and where each value is written."`
}

// configured is the configuration whose overrides are laid over annotations.
type configured struct {
	Config string `help:"Configuration file (YAML) whose overrides are laid over the annotations." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// gateway returns the gateway that is inspected. It must be closed.
func (c configured) gateway(e *environment) (*gateway.Gateway, error) {
	return e.program.effective(Options{ConfigFile: c.Config, Environ: e.Environ})
}

type policyListCommand struct{ configured }

// Run prints the list.
func (c *policyListCommand) Run(e *environment) error {
	gw, err := c.gateway(e)
	if err != nil {
		return err
	}
	defer gw.Close() //nolint:errcheck // it has served nothing
	if c.JSON {
		return writePoliciesJSON(e.Stdout, gw.Policies())
	}
	return writePolicyList(e.Stdout, gw.Policies())
}

type policyExplainCommand struct {
	configured
	RPC string `arg:"" optional:"" help:"The RPC, such as \"shop.v1.OrderService/GetOrder\", or a route with its method, such as \"GET /v1/orders/1\" (default: all)."`
}

// Run prints the policies.
func (c *policyExplainCommand) Run(e *environment) error {
	gw, err := c.gateway(e)
	if err != nil {
		return err
	}
	defer gw.Close() //nolint:errcheck // it has served nothing
	policies := gw.Policies()
	if c.RPC != "" {
		found, err := find(gw, c.RPC)
		if err != nil {
			return err
		}
		policies = []gateway.EffectivePolicy{found}
	}
	if c.JSON {
		return writePoliciesJSON(e.Stdout, policies)
	}
	return writePolicies(e.Stdout, policies)
}

// find returns the RPC that a name or a route means.
func find(gw *gateway.Gateway, text string) (gateway.EffectivePolicy, error) {
	if verb, path, isRoute := route(text); isRoute {
		if found, ok := gw.Route(verb, path); ok {
			return found, nil
		}
		return gateway.EffectivePolicy{}, fmt.Errorf("there is no route %s %s; policy list prints them", verb, path)
	}
	var names []string
	for _, p := range gw.Policies() {
		if p.Method == text {
			return p, nil
		}
		names = append(names, p.Method)
	}
	return gateway.EffectivePolicy{}, fmt.Errorf("there is no RPC %q; the RPCs are:\n%s", text, strings.Join(names, "\n"))
}

// route takes "GET /v1/orders/1" apart; a path alone is one of GET. The query
// says nothing of the route.
func route(text string) (verb, path string, isRoute bool) {
	verb, path, both := strings.Cut(strings.TrimSpace(text), " ")
	if !both {
		verb, path = http.MethodGet, verb
	}
	path, _, _ = strings.Cut(strings.TrimSpace(path), "?")
	return strings.ToUpper(verb), path, strings.HasPrefix(path, "/")
}

// writePolicyList writes a paragraph for each RPC.
func writePolicyList(w io.Writer, policies []gateway.EffectivePolicy) error {
	for _, p := range policies {
		if _, err := fmt.Fprintf(w, "%s  %s\n  %s\n", p.Method, strings.Join(p.Routes, ", "), strings.Join(blocksInForce(p), ", ")); err != nil {
			return err
		}
	}
	return nil
}
