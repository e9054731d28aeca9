package resolve

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
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

// httpRule returns the method's google.api.http rule, or nil.
func httpRule(method *protogen.Method) *annotations.HttpRule {
	rule, _ := proto.GetExtension(method.Desc.Options(), annotations.E_Http).(*annotations.HttpRule)
	return rule
}

// httpRules returns the rule, number 0, and its additional bindings.
func httpRules(method *protogen.Method) []*annotations.HttpRule {
	rule := httpRule(method)
	return append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...)
}

// bindingPath returns where the binding of that number stands.
func bindingPath(method *protogen.Method, index int) []int32 {
	if index == 0 {
		return methodRule(method)
	}
	return join(methodRule(method), ruleAdditionalBindings, int32(index-1))
}

// patternPath returns where the path template of a binding stands, or the
// binding where it has none.
func patternPath(method *protogen.Method, index int) []int32 {
	pattern := pattern(httpRules(method)[index])
	if pattern == nil {
		return bindingPath(method, index)
	}
	return join(bindingPath(method, index), int32(pattern.Number()))
}

// pattern returns the field that names verb and path, or nil.
func pattern(rule *annotations.HttpRule) protoreflect.FieldDescriptor {
	message := rule.ProtoReflect()
	return message.WhichOneof(message.Descriptor().Oneofs().ByName("pattern"))
}

// bindings reads the method's routes, in the two forms that generated code and
// the policy's rules take. Faulty ones are among the latter too, so that indexes
// agree with [bindingPath].
func (r *resolver) bindings(method *protogen.Method) ([]Binding, []policy.Route) {
	var read []Binding
	var facts []policy.Route
	for i, rule := range httpRules(method) {
		b := binding{resolver: r, method: method, rule: rule, at: bindingPath(method, i), pathAt: patternPath(method, i)}
		b.read(i > 0)
		read = append(read, b.Binding)
		facts = append(facts, policy.Route{Verb: b.Verb, Path: b.Path, Body: b.Body, Variables: b.variables})
	}
	return read, facts
}

// binding is a rule while it is read.
type binding struct {
	Binding
	*resolver
	method    *protogen.Method
	rule      *annotations.HttpRule
	at        []int32
	pathAt    []int32 // where the path template stands
	variables []string
}

func (b *binding) read(additional bool) {
	if additional && len(b.rule.GetAdditionalBindings()) > 0 {
		b.fault(join(b.at, ruleAdditionalBindings), "additional_bindings stand inside additional_bindings", "write them side by side")
	}
	b.Body = b.rule.GetBody()
	if b.ResponseBody = b.rule.GetResponseBody(); b.ResponseBody == "*" {
		b.ResponseBody = "" // as grpc-gateway reads it: the whole response
	}
	b.readPattern()
	if b.Verb == "" {
		b.fault(b.at, "the rule names no verb and path", `write them, such as get: "/v1/vendors/{id}"`)
		return
	}
	b.checkVerb()
	b.checkBodies()
	b.checkPath()
}

// readPattern sets verb and path; the verb remains empty where there is none.
func (b *binding) readPattern() {
	field := pattern(b.rule)
	switch custom := b.rule.GetCustom(); {
	case field == nil:
	case custom != nil:
		b.Verb, b.Path = custom.GetKind(), custom.GetPath()
	default:
		b.Verb = strings.ToUpper(string(field.Name()))
		b.Path = b.rule.ProtoReflect().Get(field).String()
	}
}

func (b *binding) checkVerb() {
	if strings.Trim(b.Verb, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		b.fault(b.pathAt, fmt.Sprintf("%q is not a verb that is supported", b.Verb), `write one verb in capitals, such as kind: "HEAD"`)
	}
}

func (b *binding) checkBodies() {
	if b.Body != "" && (b.Verb == http.MethodGet || b.Verb == http.MethodHead || b.Verb == http.MethodDelete) {
		b.fault(join(b.at, ruleBody), b.Verb+" has no body", "remove the body, or use another verb")
	}
	if b.Body != "*" {
		b.checkBodyField("body", ruleBody, b.Body, b.method.Desc.Input())
	}
	b.checkBodyField("response_body", ruleResponseBody, b.ResponseBody, b.method.Desc.Output())
}

func (b *binding) checkBodyField(what string, number int32, name string, message protoreflect.MessageDescriptor) {
	if name != "" && message.Fields().ByName(protoreflect.Name(name)) == nil {
		b.fault(join(b.at, number), fmt.Sprintf("%s: %s has no field %q", what, message.Name(), name), "name one of its own fields")
	}
}

func (b *binding) checkPath() {
	template, err := httprule.Parse(b.Path)
	if err != nil {
		b.fault(b.pathAt, err.Error(), "correct the template (google/api/http.proto describes it)")
		return
	}
	for _, variable := range template.Variables() {
		b.variables = append(b.variables, variable.FieldPath)
		b.checkVariable(variable.FieldPath)
	}
	b.checkShadow(template.Shape())
}
