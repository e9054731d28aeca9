package resolve

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
)

// The numbers of the fields of google.api.HttpRule.
const (
	ruleBody               = 7
	ruleAdditionalBindings = 11
	ruleResponseBody       = 12
)

// bindings reads the method's routes, in the two forms that generated code and
// the policy's rules take. The latter holds faulty ones too, so that its indexes
// are those of the rules.
func (r *resolver) bindings(method *protogen.Method, rules []rule, p policy.Method) ([]Binding, []policy.Route) {
	var read []Binding
	var facts []policy.Route
	for _, one := range rules {
		b := binding{resolver: r, method: method, rule: one, policy: p}
		b.read()
		if b.Verb != "" {
			read = append(read, b.Binding)
		}
		facts = append(facts, policy.Route{Verb: b.Verb, Path: b.Path, Body: b.Body, Variables: b.variables})
	}
	return read, facts
}

// binding is a rule while it is read.
type binding struct {
	Binding
	*resolver
	method    *protogen.Method
	rule      rule
	custom    bool // the verb is a custom kind
	variables []string
	policy    policy.Method // of the method
}

// wrong notes a fault of the rule or of the field of it that a path leads to.
func (b *binding) wrong(problem, remedy string, field ...int32) {
	b.report.add(fault{b.rulePosition(b.rule, field...), b.rule.named(problem), remedy})
}

// wrongPath notes a fault of the path template.
func (b *binding) wrongPath(problem, remedy string) {
	b.report.add(fault{b.patternPosition(b.rule), b.rule.named(problem), remedy})
}

func (b *binding) read() {
	if b.rule.additional && len(b.rule.GetAdditionalBindings()) > 0 {
		b.wrong("additional_bindings stand inside additional_bindings", "write them side by side", ruleAdditionalBindings)
	}
	b.Body = b.rule.GetBody()
	if b.ResponseBody = b.rule.GetResponseBody(); b.ResponseBody == "*" {
		b.ResponseBody = "" // as grpc-gateway reads it: the whole response
	}
	b.readPattern()
	if b.Verb == "" {
		if b.annotated || b.rule.additional { // grpc-gateway passes over the former
			b.wrong("the rule names no verb and path", `write them, such as get: "/v1/orders/{id}"`)
		}
		return
	}
	b.checkVerb()
	b.checkBodies()
	b.checkPath()
}

// readPattern sets verb and path; the verb remains empty where there is none.
func (b *binding) readPattern() {
	field := patternOf(b.rule.HttpRule)
	if custom := b.rule.GetCustom(); custom != nil {
		b.Verb, b.Path, b.custom = custom.GetKind(), custom.GetPath(), true
		return
	}
	if field == nil {
		return
	}
	if b.Path = b.rule.ProtoReflect().Get(field).String(); b.Path != "" {
		b.Verb = strings.ToUpper(string(field.Name()))
	}
}

func (b *binding) checkVerb() {
	if strings.Trim(b.Verb, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		b.wrongPath(fmt.Sprintf("%q is not a verb that is supported", b.Verb), `write one verb in capitals, such as kind: "HEAD"`)
	}
}

func (b *binding) checkBodies() {
	if b.Body != "" && b.refusesBody() {
		b.wrong(b.Verb+" has no body", "remove the body, or use another verb", ruleBody)
	}
	if b.Body != "*" {
		b.checkBodyField("body", ruleBody, b.Body, b.method.Desc.Input())
	}
	b.checkBodyField("response_body", ruleResponseBody, b.ResponseBody, b.method.Desc.Output())
}

// refusesBody follows grpc-gateway, which looks at no custom kind, unless
// somebody relies on policies: caches and proxies drop such bodies.
func (b *binding) refusesBody() bool {
	switch b.Verb {
	case http.MethodGet, http.MethodHead:
		return !b.custom || b.annotated
	case http.MethodDelete:
		return !b.options.AllowDeleteBody && (!b.custom || b.annotated)
	default:
		return false
	}
}

func (b *binding) checkBodyField(what string, number int32, path string, message protoreflect.MessageDescriptor) {
	if path == "" {
		return
	}
	// google.api.http takes a field of the message itself; grpc-gateway takes one
	// of its messages' too.
	names := []string{path}
	if !b.annotated {
		names = strings.Split(path, ".")
	}
	for at, name := range names {
		var field protoreflect.FieldDescriptor
		if message != nil {
			field = message.Fields().ByName(protoreflect.Name(name))
		}
		if field == nil {
			b.wrong(fmt.Sprintf("%s: %s has no field %q", what, b.nameOf(message, names[:at]), name), "name one of its own fields", number)
			return
		}
		if message = field.Message(); field.Cardinality() == protoreflect.Repeated {
			message = nil // none of its entries is meant
		}
	}
}

// nameOf names a message, or the value that the path leads to instead.
func (b *binding) nameOf(message protoreflect.MessageDescriptor, path []string) string {
	if message == nil {
		return strings.Join(path, ".")
	}
	return string(message.Name())
}

func (b *binding) checkPath() {
	template, err := httprule.Parse(b.Path)
	if err != nil {
		b.wrongPath(err.Error(), "correct the template (google/api/http.proto describes it)")
		return
	}
	for _, variable := range template.Variables() {
		b.checkVariable(variable.FieldPath)
		b.variables = append(b.variables, variable.FieldPath)
	}
	if len(b.variables) > 0 && b.method.Desc.IsStreamingClient() {
		b.wrongPath("a client's stream has many requests, so none of them can take the path's variables", "remove them from the path")
	}
	b.checkShadow(template.Shape())
}
