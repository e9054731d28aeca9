package gateway

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

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
	var errs []error
	for _, fault := range m.Policy.Validate(rpc) {
		errs = append(errs, errors.New(fault.String()))
	}
	return rpc, method, errors.Join(errs...)
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
