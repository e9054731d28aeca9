package gateway

import (
	"fmt"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// method is a registered RPC.
type method struct {
	Method  // as its author wrote it
	service Service
	conn    grpc.ClientConnInterface
	rpc     policy.RPC
	routes  []*route
	// annotated is what the schema says, of which only the permits count: the
	// policy is what generated code states.
	annotated annotation.Merged
	effective
}

// effective is what holds for an RPC with the overrides that are in force.
type effective struct {
	policy    policy.Method
	written   annotation.Merged // what is written of it
	origins   map[string]string // where overrides have replaced or removed blocks
	overrides []Override
}

// build makes the routes of each of the service's RPCs and hands them to add.
func (s Service) build(env *assembly.Environment, next *assembly.Generation, conn grpc.ClientConnInterface,
	add func(*method, []assembly.Route) error,
) error {
	for _, described := range s.Methods {
		m, err := newMethod(s, described, conn)
		if err == nil {
			err = m.build(env, next, add)
		}
		if err != nil {
			return fmt.Errorf("%s.%s: %w", s.Name, described.Name, err)
		}
	}
	return nil
}

func newMethod(s Service, m Method, conn grpc.ClientConnInterface) (*method, error) {
	rpc, descriptor, err := checkPolicy(s, m)
	if err != nil {
		return nil, err
	}
	written, _ := annotation.Of(descriptor) // what is wrong with it, the plugin has said
	return &method{
		Method: m, service: s, conn: conn, rpc: rpc, annotated: written,
		effective: effective{policy: m.Policy, written: written},
	}, nil
}

func (m *method) build(env *assembly.Environment, next *assembly.Generation, add func(*method, []assembly.Route) error) error {
	routes, err := env.Build(m.under(m.Policy), next)
	if err != nil {
		return err
	}
	return add(m, routes)
}

// under returns what the RPC's stacks are built from where it has that policy.
func (m *method) under(p policy.Method) assembly.RPC {
	return assembly.RPC{
		Service:  m.service.Name,
		Name:     m.service.Name + "." + m.Name,
		Method:   m.service.transcoded(m.Method),
		Bindings: m.Bindings,
		Policy:   p,
		Conn:     m.conn,
	}
}
