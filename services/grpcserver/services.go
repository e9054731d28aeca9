package grpcserver

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// collector is the list of the services that are registered with it.
type collector []service

type service struct {
	desc    *grpc.ServiceDesc
	handler any
}

// RegisterService implements grpc.ServiceRegistrar.
func (c *collector) RegisterService(desc *grpc.ServiceDesc, handler any) {
	*c = append(*c, service{desc: desc, handler: handler})
}

// validator compiles the rules of every request at once, so that one that does
// not compile stops the start and not the calls.
func (c collector) validator() (protovalidate.Validator, error) {
	requests, err := c.requests()
	if err != nil {
		return nil, err
	}
	validator, err := protovalidate.New(protovalidate.WithMessageDescriptors(requests...))
	if err != nil {
		return nil, fmt.Errorf("the validator cannot be built: %w", err)
	}
	for _, request := range requests {
		var faulty *protovalidate.CompilationError
		if err := validator.Validate(dynamicpb.NewMessage(request)); errors.As(err, &faulty) {
			return nil, fmt.Errorf("the rules of %s: %w", request.FullName(), err)
		}
	}
	return validator, nil
}

// requests returns the request messages of all methods.
func (c collector) requests() ([]protoreflect.MessageDescriptor, error) {
	var requests []protoreflect.MessageDescriptor
	for _, service := range c {
		name := protoreflect.FullName(service.desc.ServiceName)
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", name, err)
		}
		schema, ok := found.(protoreflect.ServiceDescriptor)
		if !ok {
			return nil, fmt.Errorf("%s is not a service", name)
		}
		for i := range schema.Methods().Len() {
			requests = append(requests, schema.Methods().Get(i).Input())
		}
	}
	return requests, nil
}
