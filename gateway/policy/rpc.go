package policy

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// RPC holds the facts about a method that its policy is checked against.
// [NewRPC] reads them from a descriptor.
type RPC struct {
	Name            protoreflect.FullName // "shop.v1.OrderService.GetOrder"
	Version         string                // of the proto package, such as "v2"; "": it has none
	Idempotency     Idempotency
	ClientStreaming bool
	ServerStreaming bool
	Input, Output   protoreflect.MessageDescriptor
	Routes          []Route
	// Annotated tells that a policy is written on the file, the service or one
	// of its RPCs. Where none is, routes are as free as grpc-gateway's.
	Annotated bool
}

// Route is an HTTP binding of an RPC.
type Route struct {
	Verb      string   // "GET"
	Path      string   // the path template, such as "/v1/orders/{id}"
	Body      string   // the field that the body fills; "*": the whole request; "": none
	Variables []string // the request fields that the path fills, such as "id"
}

// Idempotency is what an RPC declares about repetition
// (google.protobuf.MethodOptions.idempotency_level).
type Idempotency int

// The levels of [Idempotency].
const (
	// IdempotencyUnknown is the zero value: a second call may do harm.
	IdempotencyUnknown Idempotency = iota
	// NoSideEffects marks an RPC that only reads.
	NoSideEffects
	// Idempotent marks an RPC whose second call changes nothing more.
	Idempotent
)

// NewRPC reads the facts about a method. The routes are those of its
// google.api.http rules.
func NewRPC(method protoreflect.MethodDescriptor, routes []Route) RPC {
	return RPC{
		Name:            method.FullName(),
		Version:         PackageVersion(method.ParentFile().Package()),
		Idempotency:     idempotencyOf(method),
		ClientStreaming: method.IsStreamingClient(),
		ServerStreaming: method.IsStreamingServer(),
		Input:           method.Input(),
		Output:          method.Output(),
		Routes:          routes,
		Annotated:       Annotated(method.Parent()),
	}
}

func idempotencyOf(method protoreflect.MethodDescriptor) Idempotency {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return NoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return Idempotent
	default:
		return IdempotencyUnknown
	}
}

// Reads tells whether the RPC changes nothing.
func (r RPC) Reads() bool { return r.Idempotency == NoSideEffects }

func (r RPC) streaming() bool { return r.ClientStreaming || r.ServerStreaming }

// reachedBy returns the routes with the verb.
func (r RPC) reachedBy(verb string) []Route {
	var found []Route
	for _, route := range r.Routes {
		if route.Verb == verb {
			found = append(found, route)
		}
	}
	return found
}
