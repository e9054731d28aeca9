package emit

import (
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/plugins/internal/resolve"
)

// description writes the function that describes a service.
func description(g *protogen.GeneratedFile, n names, service resolve.Service, o ServiceOptions) {
	g.P()
	g.P("// ", n.describe, " describes the routes and policies of ", n.service, ".")
	g.P("func ", n.describe, "() ", gatewayPackage.Ident("Service"), " {")
	inherited(g, n, service.Inherited)
	g.P("return ", gatewayPackage.Ident("Service"), "{")
	g.P("Name: ", quote(string(service.Proto.Desc.FullName())), ",")
	g.P("Source: ", quote(service.Proto.Location.SourceFile), ",")
	if fields := o.fields(); len(fields) > 0 {
		g.P("Options: ", gatewayPackage.Ident("ServiceOptions"), "{", strings.Join(fields, ", "), "},")
	}
	if n.lines != "" {
		g.P("Lines: ", n.lines, "(),")
	}
	g.P("Methods: []", gatewayPackage.Ident("Method"), "{{")
	for i, m := range service.Methods {
		if i > 0 {
			g.P("}, {")
		}
		method(g, n, m)
	}
	g.P("}},")
	g.P("}")
	g.P("}")
}

// fields returns the fields that are set, as a literal has them.
func (o ServiceOptions) fields() []string {
	var set []string
	add := func(isSet bool, name string, value any) {
		if isSet {
			set = append(set, fmt.Sprintf("%s: %#v", name, value))
		}
	}
	add(o.StrictDeepWildcard, "StrictDeepWildcard", true)
	add(o.NoPatchMask, "NoPatchMask", true)
	add(o.PathSeparator != "", "PathSeparator", o.PathSeparator)
	add(o.RegistrationContext, "RegistrationContext", true)
	return set
}

// inherited writes the blocks that methods refer to, each on lines of its own.
func inherited(g *protogen.GeneratedFile, n names, p policy.Method) {
	blocks := elements(reflect.ValueOf(p))
	if len(blocks) == 0 {
		return
	}
	g.P(n.inherited, " := ", policyPackage.Ident("Method"), "{ // what RPCs have from their service or file")
	l := literal{file: g}
	for _, block := range blocks {
		l.value(block.name, block.value, ",", 2)
	}
	g.P("}")
}

// method writes the elements of a method's literal.
func method(g *protogen.GeneratedFile, n names, m resolve.Method) {
	f := newFiller(g, "Name: "+quote(string(m.Proto.Desc.Name()))+",", 3)
	f.first = false // a field, whose lines all stand alike
	f.put("Call: " + g.QualifiedGoIdent(gatewayPackage.Ident(kind(m.Proto))) + "(" + n.client + "." + m.Proto.GoName + "),")
	f.end()
	bindings(g, m.Bindings)
	methodPolicy(g, n, m)
}

// kind returns the function of package gateway that takes the method.
func kind(m *protogen.Method) string {
	switch client, server := m.Desc.IsStreamingClient(), m.Desc.IsStreamingServer(); {
	case client && server:
		return "BidiStream"
	case client:
		return "ClientStream"
	case server:
		return "ServerStream"
	default:
		return "Unary"
	}
}

// bindings writes routes, each on a line. A stream that WebSockets alone open has none.
func bindings(g *protogen.GeneratedFile, all []resolve.Binding) {
	if len(all) == 0 {
		return
	}
	opening := "Bindings: []" + g.QualifiedGoIdent(gatewayPackage.Ident("Binding")) + "{"
	if only := opening + binding(all[0]) + "},"; len(all) == 1 && fits(only, 3) {
		g.P(only)
		return
	}
	g.P(opening)
	for _, b := range all {
		g.P(binding(b), ",")
	}
	g.P("},")
}

// binding returns a route on one line, without its empty fields.
func binding(b resolve.Binding) string {
	fields := []string{"Verb: " + quote(b.Verb), "Path: " + quote(b.Path)}
	if b.Body != "" {
		fields = append(fields, "Body: "+quote(b.Body))
	}
	if b.ResponseBody != "" {
		fields = append(fields, "ResponseBody: "+quote(b.ResponseBody))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// methodPolicy writes a method's policy: what it inherits by reference, then its
// own blocks, each on lines of its own.
func methodPolicy(g *protogen.GeneratedFile, n names, m resolve.Method) {
	blocks := elements(reflect.ValueOf(m.Policy))
	if len(blocks) == 0 {
		return
	}
	var own []element
	references := newFiller(g, "", 4)
	references.first = false
	g.P("Policy: ", policyPackage.Ident("Method"), "{")
	for _, block := range blocks {
		field := strings.TrimSuffix(block.name, ": ")
		if reflect.ValueOf(m.Inherited).FieldByName(field).IsZero() {
			own = append(own, block)
		} else {
			references.put(block.name + n.inherited + "." + field + ",")
		}
	}
	references.end()
	l := literal{file: g}
	for _, block := range own {
		l.value(block.name, block.value, ",", 4)
	}
	g.P("},")
}
