package resolve

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// What is right by itself, and probably not what its author means, is warned of.

// tagsOf returns the tags of every cache that the run sees, those of imported
// schemas included.
func tagsOf(plugin *protogen.Plugin) policy.Tags {
	var tags []string
	for _, file := range plugin.Files {
		for _, service := range file.Services {
			for _, method := range service.Methods {
				merged, _ := annotation.Merge( // what is wrong is said where it is resolved
					annotated(file.Desc.Options(), policyv1.E_File),
					annotated(service.Desc.Options(), policyv1.E_Service),
					annotated(method.Desc.Options(), policyv1.E_Method),
				)
				tags = append(tags, merged.Annotation().GetCache().GetTags()...)
			}
		}
	}
	return policy.NewTags(tags)
}

// adviseTags points out tags that no cache makes. Whether another run has one is
// known to the author alone.
func (r *resolver) adviseTags(s scope, method *protogen.Method) {
	into, remedy := r.warnings, "correct it, or generate it together with the cache that has it (strategy: all)"
	if r.options.WholeAPI {
		into, remedy = r.report, "correct it, or write it among the tags of a cache"
	}
	for i, tag := range s.merged.Annotation().GetInvalidates().GetTags() {
		if _, err := policy.ParseTemplate(tag); err != nil || r.tags.Make(tag) {
			continue
		}
		r.note(into, s, annotation.Fault{Level: s.merged.Level("invalidates"), Fault: policy.Fault{
			Path:    fmt.Sprintf("invalidates.tags[%d]", i),
			Problem: r.tags.Missing(tag, "this run"),
			Remedy:  remedy,
		}}, method)
	}
}

// adviseTimeouts points out the RPCs of a service, if it has a policy, that say
// nothing of how long a call may take.
func (r *resolver) adviseTimeouts(service *protogen.Service, scopes []scope, methods []Method) {
	if !r.annotated {
		return
	}
	for _, streaming := range []bool{false, true} {
		var silent []string
		for i, m := range methods {
			streams := m.Proto.Desc.IsStreamingClient() || m.Proto.Desc.IsStreamingServer()
			if streams == streaming && scopes[i].merged.Silent("timeout") {
				silent = append(silent, string(m.Proto.Desc.Name()))
			}
		}
		if len(silent) > 0 {
			advice := policy.Unbounded(silent, streaming)
			r.warnings.add(fault{r.source.position(service.Location.Path), advice.Problem, advice.Remedy})
		}
	}
}
