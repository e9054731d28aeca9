package resolve

import (
	"fmt"
	"maps"
	"reflect"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// resolver resolves one file.
type resolver struct {
	options   Options
	source    source
	report    *report
	warnings  *report
	routes    *routes // of all files so far
	groups    groups  // of all files so far
	tags      policy.Tags
	latencies *latencies
	lines     linesOf
	annotated bool // the service at hand, by its file, itself or an RPC
}

// scope is an element of the file with what is annotated on it and around it.
type scope struct {
	merged      annotation.Merged
	annotations map[annotation.Level]place // where the options of each level stand
	rules       []rule                     // of the RPC, where it is one
}

func (r *resolver) file(file *protogen.File) File {
	resolved := File{Proto: file}
	s := scope{annotations: map[annotation.Level]place{}}
	at := []int32{fileOptions, policyOption}
	s = r.enter(s, annotation.File, annotated(file.Desc.Options(), policyv1.E_File), at)
	routed := false
	for _, service := range file.Services {
		methods, hasRoute := r.service(s, service)
		routed = routed || hasRoute
		if len(methods) > 0 {
			resolved.Services = append(resolved.Services, Service{Proto: service, Inherited: inherited(methods), Methods: methods})
		}
	}
	resolved.Lines = r.lines.all()
	if !routed && proto.HasExtension(file.Desc.Options(), policyv1.E_File) {
		r.fault(at, "the policy has no effect: no RPC of the file has a route", "add google.api.http rules, or remove it")
	}
	return resolved
}

// service resolves the methods with routes, and tells whether there are rules
// for any, right or wrong.
func (r *resolver) service(s scope, service *protogen.Service) (methods []Method, routed bool) {
	at := join(service.Location.Path, serviceOptions, policyOption)
	s = r.enter(s, annotation.Service, annotated(service.Desc.Options(), policyv1.E_Service), at)
	r.annotated = policy.Annotated(service.Desc)
	var scopes []scope
	for _, method := range service.Methods {
		rules := r.rules(method)
		if len(rules) == 0 && !opensSockets(method) {
			r.unrouted(method)
			continue
		}
		routed = true
		inner, resolved := r.method(s, method, rules)
		if len(resolved.Bindings) > 0 || len(rules) == 0 {
			scopes, methods = append(scopes, inner), append(methods, resolved)
		}
	}
	if !routed && proto.HasExtension(service.Desc.Options(), policyv1.E_Service) {
		r.fault(at, "the policy has no effect: no RPC of the service has a route", "add google.api.http rules, or remove it")
	}
	r.checkShared(scopes, methods)
	r.adviseTimeouts(service, scopes, methods)
	return methods, routed
}

func (r *resolver) unrouted(method *protogen.Method) {
	if r.options.WarnUnbound {
		r.warnings.add(fault{
			r.source.position(method.Location.Path), string(method.Desc.Name()) + " has no google.api.http rule, so no client reaches it",
			"add one, or leave out warn_on_unbound_methods",
		})
	}
	if proto.HasExtension(method.Desc.Options(), policyv1.E_Method) {
		r.fault(methodPolicy(method), string(method.Desc.Name())+" has no route, so its policy has no effect",
			"add a google.api.http rule, or remove the policy")
	}
}

func (r *resolver) method(s scope, method *protogen.Method, rules []rule) (scope, Method) {
	s = r.enter(s, annotation.Method, annotated(method.Desc.Options(), policyv1.E_Method), methodPolicy(method))
	s.rules = rules
	effective := s.merged.Effective()
	bindings, facts := r.bindings(method, rules, effective.Policy)
	for _, f := range effective.Validate(policy.NewRPC(method.Desc, facts)) {
		r.policyFault(s, f, method)
	}
	r.checkStream(s, method, bindings, effective.Policy.Stream)
	if len(bindings) > 0 || len(rules) == 0 {
		r.lines.add(r, s, method)
		r.checkGroups(s, method, effective)
		r.checkLatency(s, method, effective.Policy.Objective)
		r.adviseTags(s, method)
	}
	return s, Method{Proto: method, Bindings: bindings, Policy: effective.Policy, Inherited: effective.Inherited()}
}

// enter lays a level's annotation over what surrounds it.
func (r *resolver) enter(outer scope, level annotation.Level, p *policyv1.Policy, at []int32) scope {
	merged, faults := outer.merged.With(level, p)
	inner := scope{merged: merged, annotations: map[annotation.Level]place{level: {at, p.ProtoReflect()}}}
	maps.Copy(inner.annotations, outer.annotations)
	for _, f := range faults {
		r.policyFault(inner, f, nil)
	}
	return inner
}

// inherited returns what any of a service's methods inherits.
func inherited(methods []Method) policy.Method {
	var all policy.Method
	into := reflect.ValueOf(&all).Elem()
	for _, m := range methods {
		from := reflect.ValueOf(m.Inherited)
		for i := range from.NumField() {
			if !from.Field(i).IsZero() {
				into.Field(i).Set(from.Field(i))
			}
		}
	}
	return all
}

// policyFault notes a fault of a policy. The method, where not nil, is the one
// that the fault appears on.
func (r *resolver) policyFault(s scope, f annotation.Fault, method *protogen.Method) {
	r.note(r.report, s, f, method)
}

// note does the same in one of the reports.
func (r *resolver) note(into *report, s scope, f annotation.Fault, method *protogen.Method) {
	if name, index := splitIndex(f.Path); name == "routes" && index < len(s.rules) {
		into.add(fault{r.patternPosition(s.rules[index]), s.rules[index].named(f.Problem), f.Remedy})
		return
	}
	problem := f.Problem
	if f.Path != "" {
		problem = f.Path + ": " + problem
	}
	noted := fault{r.source.within(s.annotations[f.Level], fieldNumbers(f.Path)...), problem, f.Remedy}
	if method == nil || f.Level == annotation.Method {
		into.add(noted)
		return
	}
	into.addInherited(noted, fmt.Sprintf("%s.%s", method.Parent.Desc.Name(), method.Desc.Name()))
}

// checkShared compares the settings of what the RPCs of a service share.
func (r *resolver) checkShared(scopes []scope, methods []Method) {
	policies := make([]policy.Method, len(methods))
	for i, m := range methods {
		policies[i] = m.Policy
	}
	for _, shared := range []struct {
		block, what, remedy string
		unequal             func([]policy.Method) (int, []int)
	}{
		{"circuit_breaker", "the service's breaker", "write the same settings, or SCOPE_METHOD", policy.UnequalBreakers},
		{"concurrency", "the service's bound", "write the same settings but for the criticality, or SCOPE_METHOD", policy.UnequalLimiters},
	} {
		first, others := shared.unequal(policies)
		for _, i := range others {
			r.policyFault(scopes[i], annotation.Fault{Level: scopes[i].merged.Level(shared.block), Fault: policy.Fault{
				Path:    shared.block,
				Problem: "it shares " + shared.what + " with " + string(methods[first].Proto.Desc.Name()) + " and has other settings",
				Remedy:  shared.remedy,
			}}, methods[i].Proto)
		}
	}
}

func (r *resolver) fault(path []int32, problem, remedy string) {
	r.report.add(fault{r.source.position(path), problem, remedy})
}

// annotated returns the annotation among the options, or nil.
func annotated(options protoreflect.ProtoMessage, extension protoreflect.ExtensionType) *policyv1.Policy {
	p, _ := proto.GetExtension(options, extension).(*policyv1.Policy)
	return p
}
