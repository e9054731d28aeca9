package resolve

import (
	"fmt"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// rule is one google.api.http rule of an RPC, and where it stands.
type rule struct {
	*annotations.HttpRule
	option     place    // of the annotation
	inner      []int32  // the path in it
	outside    position // in a service configuration, where file is set
	additional bool     // one of additional_bindings
	index      int      // among them
}

// named begins what is wrong with the rule with its name, where it needs one.
func (one rule) named(problem string) string {
	if !one.additional {
		return problem
	}
	return fmt.Sprintf("additional_bindings[%d]: %s", one.index, problem)
}

// rules returns what routes an RPC, in grpc-gateway's order: the rules of the
// service configuration, then the annotation, each before its additional
// bindings.
func (r *resolver) rules(method *protogen.Method) []rule {
	var found []rule
	for _, external := range r.options.Config.rules(method.Desc.FullName()) {
		found = append(found, withAdditional(rule{HttpRule: external.http, outside: external.at})...)
	}
	if proto.HasExtension(method.Desc.Options(), annotations.E_Http) {
		annotated, _ := proto.GetExtension(method.Desc.Options(), annotations.E_Http).(*annotations.HttpRule)
		found = append(found, withAdditional(rule{HttpRule: annotated, option: place{methodRule(method), annotated.ProtoReflect()}})...)
	}
	if len(found) == 0 && r.options.GenerateUnbound {
		found = append(found, unboundRule(method))
	}
	return found
}

func withAdditional(main rule) []rule {
	found := []rule{main}
	for i, additional := range main.GetAdditionalBindings() {
		found = append(found, rule{
			HttpRule: additional, option: main.option, inner: []int32{ruleAdditionalBindings, int32(i)},
			outside: main.outside, additional: true, index: i,
		})
	}
	return found
}

// unboundRule is the route of gRPC's own mapping to HTTP/2.
func unboundRule(method *protogen.Method) rule {
	path := "/" + string(method.Parent.Desc.FullName()) + "/" + string(method.Desc.Name())
	return rule{
		HttpRule: &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: path}, Body: "*"},
		option:   place{path: method.Location.Path},
	}
}

// rulePosition returns where a rule stands, or the field of it that a path
// leads to.
func (r *resolver) rulePosition(one rule, field ...int32) position {
	if one.outside.file != "" {
		return one.outside
	}
	return r.source.within(one.option, join(one.inner, field...)...)
}

// patternPosition returns where a rule's path template stands, or the rule where
// it has none.
func (r *resolver) patternPosition(one rule) position {
	if pattern := patternOf(one.HttpRule); pattern != nil {
		return r.rulePosition(one, int32(pattern.Number()))
	}
	return r.rulePosition(one)
}

// patternOf returns the field that names verb and path, or nil.
func patternOf(http *annotations.HttpRule) protoreflect.FieldDescriptor {
	message := http.ProtoReflect()
	return message.WhichOneof(message.Descriptor().Oneofs().ByName("pattern"))
}
