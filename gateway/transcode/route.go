package transcode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/internal/forward"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
	"github.com/venta-hq/venta/gateway/transcode/internal/nested"
)

// Route is a binding made ready to serve. It is immutable and safe for
// concurrent use.
type Route struct {
	mux         *runtime.ServeMux
	options     RouteOptions
	method      Method
	binding     Binding
	template    *httprule.Template
	rpcName     string // what the mux's annotators are told
	path        pathBinder
	query       queryBinder
	body        bodyBinder
	present     presentation
	passThrough *passThrough // nil: responses are decoded
	rule        *forward.Rule
	program     *runtime.ServeMux // what has metadata of the program's own; nil: there is none
	matches     bool              // by a header matcher
	nests       bool              // a response may hold google.protobuf.Any
	secrets     bool              // the request has fields that the schema calls secret
}

// NewRoute checks a binding against the method's messages and makes it ready.
func NewRoute(m Method, b Binding, o RouteOptions) (*Route, error) {
	rt := &Route{mux: o.Mux, options: o, method: m, binding: b, rpcName: m.FullName}
	if err := rt.prepare(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.FullName, err)
	}
	return rt, nil
}

func (rt *Route) prepare() error {
	m, b, o := rt.method, rt.binding, rt.options
	template, err := httprule.Parse(b.Path)
	if err != nil {
		return err
	}
	if m.Options.StrictDeepWildcard {
		template = template.StrictDeepWildcard()
	}
	rt.template = template
	if o.DropIn {
		rt.rpcName = stockName(m.FullName)
	}
	rt.rule = forward.NewRule(o.Forward)
	if !o.Plain {
		rt.program, rt.matches = programMux(o.Mux, o.DropIn)
	}
	input := m.Call.NewRequest()
	rt.secrets = policy.HasSecrets(descriptor(input))
	rt.path = newPathBinder(input, template, m.Options, o.DropIn)
	rt.query = newQueryBinder(descriptor(input), template, b.Body, o)
	if rt.body, err = newBodyBinder(input, b, m.Options, o.DropIn); err != nil {
		return err
	}
	if path, inBody := strings.CutPrefix(o.Unmasked, b.Body+"."); inBody {
		rt.body.unmasked = path
	}
	output := m.Call.NewResponse()
	rt.nests = nested.Possible(descriptor(output))
	rt.present, err = newPresentation(output, b.ResponseBody, o.Response)
	return err
}

// stockName is the name by which grpc-gateway's handlers know a method: with Go's
// spelling, and a dot before a service without a package.
func stockName(fullName string) string {
	service, method, _ := strings.Cut(strings.TrimPrefix(fullName, "/"), "/")
	name := protoreflect.FullName(service)
	return "/" + string(name.Parent()) + "." + goName(string(name.Name())) + "/" + goName(method)
}

// Template returns the route's path template.
func (rt *Route) Template() *httprule.Template { return rt.template }

// SecretInPath reports whether the path of a request holds the value of a field that
// the schema calls a secret (debug_redact).
func (rt *Route) SecretInPath() bool {
	input := descriptor(rt.method.Call.NewRequest())
	return slices.ContainsFunc(rt.template.Variables(), func(v httprule.Variable) bool {
		path, err := policy.ResolveFieldPath(input, v.FieldPath)
		return err != nil || slices.ContainsFunc(path, policy.IsSecret)
	})
}

// Verb returns the route's HTTP method.
func (rt *Route) Verb() string { return rt.binding.Verb }

// Path returns the route's path as it is written.
func (rt *Route) Path() string { return rt.binding.Path }

// FullMethod returns the gRPC method, "/package.Service/Method".
func (rt *Route) FullMethod() string { return rt.method.FullName }

func descriptor(m proto.Message) protoreflect.MessageDescriptor {
	return m.ProtoReflect().Descriptor()
}
