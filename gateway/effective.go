package gateway

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// EffectivePolicy is what holds for an RPC now.
type EffectivePolicy struct {
	// Method is the RPC, such as "shop.v1.OrderService/GetOrder".
	Method string
	// Routes are its HTTP routes, such as "GET /v1/orders/{id}".
	Routes []string
	// Policy holds every override that is in force. Its blocks must not be changed.
	Policy policy.Method
	// Written is what is written of it, in the schema or in overrides, without
	// defaults. It must not be changed.
	Written *policyv1.Policy
	// Overrides are those that are in force for the RPC, in their order. Their
	// policies must not be changed.
	Overrides []Override
	// Permits are what the author permits operators to change, with its bounds.
	// They must not be changed.
	Permits []*policyv1.Permit
	// Origins tells by block where it is written, such as
	// "shop/v1/order_service.proto:43" or the place of an override. A
	// block that an override has removed is here and not in Policy.
	Origins map[string]string
}

// Policies returns what holds for each registered RPC, in the order of
// registration.
func (g *Gateway) Policies() []EffectivePolicy {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]EffectivePolicy, len(g.methods))
	for i, m := range g.methods {
		all[i] = m.effectivePolicy()
	}
	return all
}

// Callers counts who calls RPCs whose version is deprecated, by principal, in the form
// that the access log has, or else by the program that the client says it is.
func (g *Gateway) Callers() *apiversion.Callers { return g.environment.Callers }

// Route returns what holds for the RPC that a request of that verb and path, such
// as "GET" and "/v1/orders/7", is routed to; false where there is none. A query
// in the path is left aside.
func (g *Gateway) Route(verb, path string) (EffectivePolicy, bool) {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return EffectivePolicy{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	match, _, ok := g.router.Lookup(verb, u)
	if !ok {
		return EffectivePolicy{}, false
	}
	return match.Value.method.effectivePolicy(), true
}

// effectivePolicy describes the method. The gateway's lock is held.
func (m *method) effectivePolicy() EffectivePolicy { return m.with(m.effective) }

// with describes the method under a policy.
func (m *method) with(e effective) EffectivePolicy {
	p := EffectivePolicy{
		Method:    m.service.Name + "/" + m.Name,
		Policy:    e.policy,
		Written:   e.written.Annotation(),
		Overrides: slices.Clone(e.overrides),
		Permits:   slices.Clone(m.annotated.Annotation().GetPermits()),
		Origins:   m.lines(),
	}
	for _, b := range m.Bindings {
		p.Routes = append(p.Routes, b.Verb+" "+b.Path)
	}
	maps.Copy(p.Origins, e.origins)
	return p
}

// lines returns where the author wrote each block.
func (m *method) lines() map[string]string {
	lines := m.service.lines(m.Method, m.annotated)
	origins := make(map[string]string, len(lines))
	for block, line := range lines {
		origins[block] = fmt.Sprintf("%s:%d", m.service.Source, line)
	}
	return origins
}
