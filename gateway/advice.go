package gateway

import (
	"fmt"
	"slices"

	"github.com/venta-hq/venta/gateway/policy"
)

// Advice returns what can be served and is probably not meant: tags that are purged
// and that no cache has, and RPCs with a policy whose calls no timeout bounds. It is
// logged when the gateway begins to serve, and what an override adds with it.
//
// Gateways that share a level 2 of the cache purge for each other, so that with one
// nothing is said of tags.
func (g *Gateway) Advice() []policy.Advice {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.advice()
}

// advise logs what was not logged before. The lock is held.
func (g *Gateway) advise() {
	now := g.advice()
	for _, a := range now {
		if !slices.Contains(g.advised, a) {
			g.warn(a)
		}
	}
	g.advised = now
}

func (g *Gateway) warn(a policy.Advice) { g.options.Logger.Warn(a.Problem, "remedy", a.Remedy) }

func (g *Gateway) advice() []policy.Advice {
	found := unbounded(g.methods)
	if g.options.CacheRemote != nil {
		return found
	}
	tags := tagsOf(g.methods)
	for _, m := range g.methods {
		found = append(found, m.unpurged(tags)...)
	}
	return found
}

// tagsOf returns the tags of all caches, be they in force or not: an override may
// put one aside, and back.
func tagsOf(methods []*method) policy.Tags {
	var tags []string
	for _, m := range methods {
		tags = append(tags, m.annotated.Annotation().GetCache().GetTags()...)
		for _, p := range []policy.Method{m.Policy, m.policy} {
			if p.Cache != nil {
				tags = append(tags, p.Cache.Tags...)
			}
		}
	}
	return policy.NewTags(tags)
}

// unpurged returns the advice on what the method invalidates.
func (m *method) unpurged(tags policy.Tags) []policy.Advice {
	if m.policy.Invalidates == nil {
		return nil
	}
	var found []policy.Advice
	for _, tag := range m.policy.Invalidates.Tags {
		if !tags.Make(tag) {
			found = append(found, policy.Advice{
				Problem: fmt.Sprintf("%s.%s: invalidates: %s", m.service.Name, m.Name, tags.Missing(tag, "this gateway")),
				Remedy:  "correct it, or register the service whose cache has it on this gateway",
			})
		}
	}
	return found
}

// AdviseOn returns the advice on tags that somebody else purges, as place says, once
// every service is registered.
func (g *Gateway) AdviseOn(place string, tags []string) []policy.Advice {
	g.mu.Lock()
	defer g.mu.Unlock()
	made := tagsOf(g.methods)
	var found []policy.Advice
	for _, tag := range tags {
		// One that is a value and nothing else may be any.
		if template, err := policy.ParseTemplate(tag); err != nil || made.Make(tag) || template.Expand(func(string) string { return "" }) == "" {
			continue
		}
		found = append(found, policy.Advice{
			Problem: place + ": " + made.Missing(tag, "this gateway"),
			Remedy:  "correct it, or register the service whose cache has it on this gateway",
		})
	}
	return found
}

// unbounded returns the advice on methods whose calls nothing ends, a line for the
// unary ones of a service and one for its streams.
func unbounded(methods []*method) []policy.Advice {
	type group struct {
		service   string
		streaming bool
	}
	var order []group
	names := map[group][]string{}
	for _, m := range methods {
		if !m.rpc.Annotated || m.policy.Timeout != nil || !m.written.Silent("timeout") {
			continue
		}
		of := group{m.service.Name, m.rpc.ClientStreaming || m.rpc.ServerStreaming}
		if names[of] == nil {
			order = append(order, of)
		}
		names[of] = append(names[of], m.Name)
	}
	var found []policy.Advice
	for _, of := range order {
		advice := policy.Unbounded(names[of], of.streaming)
		advice.Problem = of.service + ": " + advice.Problem
		found = append(found, advice)
	}
	return found
}
