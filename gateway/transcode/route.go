package transcode

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

// Route is a binding made ready to serve. It is immutable and safe for
// concurrent use.
type Route struct {
	mux            *runtime.ServeMux
	method         Method
	binding        Binding
	template       *httprule.Template
	boundElsewhere *utilities.DoubleArray // what the query must not set
	bodyField      protoreflect.FieldDescriptor
	maskField      protoreflect.FieldDescriptor
	answer         answer
	passThrough    *passThrough // nil: answers are decoded
}

// NewRoute checks a binding against the method's messages and makes it ready.
// A nil response presents a success as HTTP 200.
func NewRoute(mux *runtime.ServeMux, m Method, b Binding, response *policy.Response) (*Route, error) {
	template, err := httprule.Parse(b.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.FullName, err)
	}
	rt := &Route{mux: mux, method: m, binding: b, template: template}
	rt.boundElsewhere = boundElsewhere(template, b.Body)
	if err := rt.resolveBody(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.FullName, err)
	}
	if rt.answer, err = newAnswer(m.Call.NewResponse(), b.ResponseBody, response); err != nil {
		return nil, fmt.Errorf("%s: %w", m.FullName, err)
	}
	return rt, nil
}

// Template returns the route's path template.
func (rt *Route) Template() *httprule.Template { return rt.template }

// Verb returns the route's HTTP method.
func (rt *Route) Verb() string { return rt.binding.Verb }

// FullMethod returns the gRPC method, "/package.Service/Method".
func (rt *Route) FullMethod() string { return rt.method.FullName }

func (rt *Route) resolveBody() error {
	if rt.binding.Body == "" || rt.binding.Body == "*" {
		return nil
	}
	md := descriptor(rt.method.Call.NewRequest())
	rt.bodyField = md.Fields().ByName(protoreflect.Name(rt.binding.Body))
	if rt.bodyField == nil {
		return fmt.Errorf("body field %q is not a field of %s", rt.binding.Body, md.FullName())
	}
	if rt.binding.Verb == http.MethodPatch {
		rt.maskField = maskFieldOf(md)
	}
	return nil
}

// boundElsewhere lists the fields that path and body set.
func boundElsewhere(t *httprule.Template, body string) *utilities.DoubleArray {
	var paths [][]string
	if body != "" && body != "*" {
		paths = append(paths, []string{body})
	}
	for _, v := range t.Variables() {
		paths = append(paths, strings.Split(v.FieldPath, "."))
	}
	return utilities.NewDoubleArray(paths)
}

func descriptor(m proto.Message) protoreflect.MessageDescriptor {
	return m.ProtoReflect().Descriptor()
}
