// Package resolve finds out what a schema asks for: for each RPC with a route,
// its bindings and its effective policy. It refuses what is wrong or unsafe,
// with the position in the schema.
package resolve

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
)

// Options say which routes there are beside those that every schema has. The
// zero value adds none.
type Options struct {
	// AllowDeleteBody admits a body on DELETE.
	AllowDeleteBody bool
	// GenerateUnbound gives an RPC without a rule the route of gRPC itself, POST
	// /package.Service/Method.
	GenerateUnbound bool
	// BoundLatencies refuses objectives that name more latencies than the fixed
	// buckets of a histogram have room for.
	BoundLatencies bool
	// Config holds rules from outside of the schemas. Nil: there are none.
	Config *ServiceConfig
	// WholeAPI says that the run has every schema of an API, so that what none of
	// them has is nowhere.
	WholeAPI bool
	// WarnUnbound warns of each RPC that remains without a rule.
	WarnUnbound bool
	// FileName returns how a message names the schema of that import path. Nil: by
	// the path.
	FileName func(path string) string
}

// File is a schema file with at least one route.
type File struct {
	Proto    *protogen.File
	Services []Service
	Lines    []Element // the file, then its services, each before its RPCs
}

// Service is a service with at least one route.
type Service struct {
	Proto     *protogen.Service
	Inherited policy.Method // the blocks that some RPC has from the service or the file
	Methods   []Method
}

// Method is an RPC with at least one route.
type Method struct {
	Proto     *protogen.Method
	Bindings  []Binding
	Policy    policy.Method
	Inherited policy.Method // the blocks of Policy that its service or file has written
}

// Element is what policies are written on, with the blocks that hold for some RPC.
type Element struct {
	Name   string // "Service.Method", "Service", or "" for the file
	Blocks []Block
}

// Block is where a block of a policy is written.
type Block struct {
	Name string // as the schema names it, such as "circuit_breaker"
	Line int    // counted from 1
}

// Binding is one route, as google.api.http states it.
type Binding struct {
	Verb         string // "GET"
	Path         string // the template, such as "/v1/orders/{id}"
	Body         string // "": none, "*": the whole request, else a field
	ResponseBody string // "": the whole response, else a field
}

// Files resolves the files that code is to be generated for and leaves out those
// without a route. The error, if any, is a [Faults] with everything that is
// wrong in all of them; there are no warnings beside it.
func Files(plugin *protogen.Plugin, options Options) ([]File, Warnings, error) {
	var files []File
	report, warnings := newReport(), newReport()
	seen, members, promised := newRoutes(), groups{}, &latencies{}
	tags := tagsOf(plugin)
	options.Config.checkSelectors(plugin, report)
	for _, proto := range plugin.Files {
		if !proto.Generate {
			continue
		}
		r := &resolver{
			options: options, source: newSource(proto, options.FileName),
			report: report, warnings: warnings, routes: seen, groups: members, tags: tags, latencies: promised,
		}
		if file := r.file(proto); len(file.Services) > 0 {
			files = append(files, file)
		}
	}
	if faults := report.lines(""); len(faults) > 0 {
		return nil, nil, Faults(faults)
	}
	return files, warnings.lines("warning: "), nil
}
