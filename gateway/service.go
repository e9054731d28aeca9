package gateway

import (
	"context"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

// SupportsGeneratedCodeV1 is the handshake of generated code: a file that
// needs a newer gateway refers to a constant that this one does not have.
const SupportsGeneratedCodeV1 = true

// Service describes a gRPC service: its methods, routes and policies. The
// plugin writes it; it is immutable.
type Service struct {
	Name    string // "package.Service"
	Methods []Method
}

// Method describes one RPC.
type Method struct {
	Name     string
	Call     transcode.Call
	Bindings []Binding
	Policy   policy.Method
}

// Binding is one HTTP route of a method.
type Binding = transcode.Binding

// Unary describes a unary method by its client method expression, such as
// VendorServiceClient.GetVendor.
func Unary[Client, Req, Resp any](method func(Client, context.Context, *Req, ...grpc.CallOption) (*Resp, error)) transcode.Call {
	return transcode.Unary(method)
}

// transcoded returns the method as the edge knows it.
func (s Service) transcoded(m Method) transcode.Method {
	return transcode.Method{FullName: "/" + s.Name + "/" + m.Name, Call: m.Call}
}
