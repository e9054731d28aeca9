package gateway

import (
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
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
	if err := asError(written.Effective().CheckPermits()); err != nil {
		return nil, err
	}
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
		Source:   m.service.Source,
		Method:   m.service.transcoded(m.Method),
		Bindings: m.Bindings,
		Reads:    m.rpc.Reads(),
		Policy:   p,
		Offered:  m.Policy.Stream,
		Conn:     m.conn,
	}
}

// checkPolicy holds a method to the rules that the plugin holds it to, so that
// a description written or changed by hand is refused as well. It returns what
// is known of the method.
func checkPolicy(s Service, m Method) (policy.RPC, protoreflect.MethodDescriptor, error) {
	name := protoreflect.FullName(s.Name).Append(protoreflect.Name(m.Name))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return policy.RPC{}, nil, fmt.Errorf("no generated code for this method is linked in: %w", err)
	}
	method, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return policy.RPC{}, nil, fmt.Errorf("%s is not a method", name)
	}
	routes, err := routesOf(m)
	if err != nil {
		return policy.RPC{}, nil, err
	}
	rpc := policy.NewRPC(method, routes)
	return rpc, method, asError(m.Policy.Validate(rpc))
}

// asError joins faults, a line for each.
func asError(faults []policy.Fault) error {
	errs := make([]error, len(faults))
	for i, fault := range faults {
		errs[i] = errors.New(fault.String())
	}
	return errors.Join(errs...)
}

func routesOf(m Method) ([]policy.Route, error) {
	routes := make([]policy.Route, len(m.Bindings))
	for i, b := range m.Bindings {
		template, err := httprule.Parse(b.Path)
		if err != nil {
			return nil, err
		}
		routes[i] = policy.Route{Verb: b.Verb, Path: b.Path, Body: b.Body}
		for _, v := range template.Variables() {
			routes[i].Variables = append(routes[i].Variables, v.FieldPath)
		}
	}
	return routes, nil
}
