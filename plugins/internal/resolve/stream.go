package resolve

import (
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// checkStream holds the routes of an RPC's stream to what holds of all routes.
func (r *resolver) checkStream(s scope, method *protogen.Method, bindings []Binding, p *policy.Stream) {
	if p == nil || p.Path == "" {
		return
	}
	if !slices.ContainsFunc(bindings, func(b Binding) bool { return b.Verb == http.MethodGet && b.Path == p.Path }) {
		r.checkStreamRoute(s, method, "stream.path", &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: p.Path}})
	}
	if p.TicketPath == "" {
		return
	}
	const field = "stream.ticket_path"
	route := r.checkStreamRoute(s, method, field, &annotations.HttpRule{Pattern: &annotations.HttpRule_Post{Post: p.TicketPath}})
	if len(route.variables) > 0 {
		route.wrongPath(fmt.Sprintf("%s: a ticket is for every request of the RPC, so %q means nothing", field, route.variables[0]), "remove the variables")
	}
}

// checkStreamRoute checks a route that a field of the policy names.
func (r *resolver) checkStreamRoute(s scope, method *protogen.Method, field string, http *annotations.HttpRule) *binding {
	at := r.source.within(s.annotations[s.merged.Level(field)], fieldNumbers(field)...)
	route := &binding{resolver: r, method: method, rule: rule{HttpRule: http, outside: at}}
	route.readPattern()
	if _, err := httprule.Parse(route.Path); err != nil {
		route.wrongPath(field+": "+err.Error(), "correct the template (google/api/http.proto describes it)")
		return route
	}
	route.checkPath()
	return route
}

// opensSockets tells whether a policy is written on the RPC itself that gives it a
// route without google.api.http.
func opensSockets(method *protogen.Method) bool {
	return annotated(method.Desc.Options(), policyv1.E_Method).GetStream().GetPath() != ""
}
