package gateway

import (
	"fmt"
	"maps"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// EffectivePolicy is what holds for an RPC now.
type EffectivePolicy struct {
	// Method is the RPC, such as "venta.vendor.v2.VendorService/GetVendor".
	Method string
	// Routes are its HTTP routes, such as "GET /v2/vendors/{id}".
	Routes []string
	// Policy holds every override that is in force. Its blocks must not be changed.
	Policy policy.Method
	// Written is what is written of it, in the schema or in overrides, without
	// defaults. It must not be changed.
	Written *policyv1.Policy
	// Origins tells by block where it is written, such as
	// "venta/vendor/v2/vendor_service.proto:43" or the place of an override. A
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
		all[i] = EffectivePolicy{
			Method:  m.service.Name + "/" + m.Name,
			Policy:  m.effective,
			Written: m.written.Annotation(),
			Origins: m.lines(),
		}
		for _, b := range m.Bindings {
			all[i].Routes = append(all[i].Routes, b.Verb+" "+b.Path)
		}
		maps.Copy(all[i].Origins, m.origins)
	}
	return all
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
