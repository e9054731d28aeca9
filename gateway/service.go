package gateway

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	"github.com/venta-hq/venta/gateway/transcode"
)

// The handshake of generated code: a file that needs a newer gateway refers to a
// constant that this one does not have.
const (
	SupportsGeneratedCodeV1 = true // files whose methods hold Lines of their own
	SupportsGeneratedCodeV2 = true // files with one table of lines
)

// Service describes a gRPC service: its methods, routes and policies. The
// plugin writes it; it is immutable, and methods may share the blocks of their
// policies.
type Service struct {
	Name    string // "package.Service"
	Source  string // the schema's file, such as "shop/v1/order_service.proto"
	Options ServiceOptions
	Lines   FileLines
	Methods []Method
}

// ServiceOptions are the plugin's options that change how a service's requests
// are read. The zero value is the default.
type ServiceOptions = transcode.ServiceOptions

// Method describes one RPC.
type Method struct {
	Name     string
	Call     transcode.Call
	Bindings []Binding
	Policy   policy.Method
	Lines    Lines // of generated code V1, in the place of the service's
}

// FileLines tells where the policies of a schema's file are written, by what they
// are written on: "Service.Method", "Service", or "" for the file.
type FileLines map[string]Lines

// Lines tells where blocks of a policy are written, by the block's name in the
// schema, as lines of the file.
type Lines map[string]int

// Binding is one HTTP route of a method.
type Binding = transcode.Binding

// Unary describes a unary method by its client method expression, such as
// OrderServiceClient.GetOrder.
func Unary[Client, Req, Resp any](method func(Client, context.Context, *Req, ...grpc.CallOption) (*Resp, error)) transcode.Call {
	return transcode.Unary(method)
}

// ServerStream describes a method whose server sends many messages, such as
// OrderServiceClient.WatchOrders.
func ServerStream[Client, Req, Resp any, Stream interface {
	Recv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, *Req, ...grpc.CallOption) (Stream, error)) transcode.Call {
	return transcode.ServerStream(method)
}

// ClientStream describes a method whose client sends many messages.
func ClientStream[Client, Req, Resp any, Stream interface {
	Send(*Req) error
	CloseAndRecv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, ...grpc.CallOption) (Stream, error)) transcode.Call {
	return transcode.ClientStream(method)
}

// BidiStream describes a method whose both sides send many messages.
func BidiStream[Client, Req, Resp any, Stream interface {
	Send(*Req) error
	Recv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, ...grpc.CallOption) (Stream, error)) transcode.Call {
	return transcode.BidiStream(method)
}

// lines returns where each block of a method's policy is written.
func (s Service) lines(m Method, annotated annotation.Merged) Lines {
	found := maps.Clone(m.Lines)
	if found == nil {
		found = Lines{}
	}
	service := s.Name[strings.LastIndex(s.Name, ".")+1:]
	elements := map[annotation.Level]string{
		annotation.File:    "",
		annotation.Service: service,
		annotation.Method:  service + "." + m.Name,
	}
	for _, block := range annotated.Blocks() {
		if line, ok := s.Lines[elements[annotated.Level(block)]][block]; ok {
			found[block] = line
		}
	}
	return found
}

// hasPolicies tells whether any method has a policy.
func (s Service) hasPolicies() bool {
	return slices.ContainsFunc(s.Methods, func(m Method) bool { return !reflect.ValueOf(m.Policy).IsZero() })
}

// transcoded returns the method as the edge knows it.
func (s Service) transcoded(m Method) transcode.Method {
	return transcode.Method{FullName: "/" + s.Name + "/" + m.Name, Call: m.Call, Options: s.Options}
}
