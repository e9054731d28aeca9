package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway"
)

// policyCommand shows what a gateway with a configuration would hold RPCs to, or what a
// running one does. It serves nothing.
type policyCommand struct {
	List    policyListCommand    `cmd:"" help:"Print a line for each RPC: its routes and the blocks in force."`
	Explain policyExplainCommand `cmd:"" help:"Print the policy of an RPC with every default, and where each value is written."`
}

// shownOf says whose policies are shown.
type shownOf struct {
	Config    string `help:"Configuration file (YAML) whose overrides are laid over the annotations." placeholder:"FILE" xor:"of"`
	Admin     string `help:"Admin address of a running gateway, such as http://127.0.0.1:8081: what holds there, with the overrides that operators have made." placeholder:"URL" xor:"of"`
	TokenFile string `help:"File with the token that the admin address asks for." placeholder:"FILE"`
	JSON      bool   `name:"json" help:"Print JSON."`
}

// catalog is what holds for RPCs, to be read and searched.
type catalog struct {
	policies []gateway.EffectivePolicy
	route    func(verb, path string) (gateway.EffectivePolicy, bool)
}

// catalog returns the policies that are meant.
func (s shownOf) catalog(ctx context.Context, e *environment) (catalog, error) {
	if s.Admin != "" {
		return running(ctx, s.Admin, s.TokenFile)
	}
	if s.TokenFile != "" {
		return catalog{}, errors.New("--token-file: there is no --admin that it is for")
	}
	gw, err := e.program.effective(Options{ConfigFile: s.Config, Environ: e.Environ})
	if err != nil {
		return catalog{}, err
	}
	defer gw.Close() //nolint:errcheck // it has served nothing
	return catalog{gw.Policies(), gw.Route}, nil
}

type policyListCommand struct{ shownOf }

// Run prints the list.
func (c *policyListCommand) Run(ctx context.Context, e *environment) error {
	shown, err := c.catalog(ctx, e)
	if err != nil {
		return err
	}
	if c.JSON {
		return writePoliciesJSON(e.Stdout, shown.policies)
	}
	return writePolicyList(e.Stdout, shown.policies)
}

type policyExplainCommand struct {
	shownOf
	RPC string `arg:"" optional:"" help:"The RPC, such as \"shop.v1.OrderService/GetOrder\", or a route with its method, such as \"GET /v1/orders/1\" (default: all)."`
}

// Run prints the policies.
func (c *policyExplainCommand) Run(ctx context.Context, e *environment) error {
	shown, err := c.catalog(ctx, e)
	if err != nil {
		return err
	}
	policies := shown.policies
	if c.RPC != "" {
		found, err := shown.find(c.RPC)
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
func (c catalog) find(text string) (gateway.EffectivePolicy, error) {
	if verb, path, isRoute := route(text); isRoute {
		if found, ok := c.route(verb, path); ok {
			return found, nil
		}
		return gateway.EffectivePolicy{}, fmt.Errorf("there is no route %s %s; policy list prints them", verb, path)
	}
	var names []string
	for _, p := range c.policies {
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
