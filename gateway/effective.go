package gateway

import (
	"fmt"
	"maps"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// EffectivePolicy is what holds for an RPC now.
type EffectivePolicy struct {
	// Method is the RPC, such as "venta.vendor.v2.VendorService/GetVendor".
	Method string
	// Routes are its HTTP routes, such as "GET /v2/vendors/{id}".
	Routes []string
	// Policy holds every override that is in force.
	Policy policy.Method
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
	origins := make(map[string]string, len(m.Lines))
	for block, line := range m.Lines {
		origins[block] = fmt.Sprintf("%s:%d", m.service.Source, line)
	}
	return origins
}

// annotations returns what the schema says of the method, of which only the
// permits count: the effective policy is what generated code states.
func (m *method) annotations() (annotation.Merged, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(m.rpc.Name)
	if err != nil {
		return annotation.Merged{}, err
	}
	descriptor, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return annotation.Merged{}, fmt.Errorf("%s is not a method", m.rpc.Name)
	}
	merged, faults := annotation.Of(descriptor)
	if len(faults) > 0 {
		return merged, fmt.Errorf("its annotations: %s", faults[0].Fault)
	}
	return merged, nil
}
