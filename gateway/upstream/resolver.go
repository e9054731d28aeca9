package upstream

import (
	"errors"
	"strings"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// hubKey is the resolver attribute by which a balancer finds its hub: grpc-go
// has no other way to hand one connection's balancer a value.
type hubKey struct{}

func hubOf(a *attributes.Attributes) *hub {
	h, _ := a.Value(hubKey{}).(*hub)
	return h
}

// resolver returns the builder for the hub's target: grpc-go's for its scheme,
// or the one of the options.
func (h *hub) resolver() (resolver.Builder, error) {
	inner := h.options.Resolver
	if inner == nil {
		inner = builtIn(h.target)
	}
	if inner == nil {
		return nil, errors.New("the xds scheme needs an import of package gateway/upstream/xds")
	}
	if h.layered = inner.Scheme() == "xds"; h.layered && h.options.ConnectionsPerAddress > 1 {
		return nil, errors.New("ConnectionsPerAddress must be 1: the balancer of an xds target makes the connections")
	}
	own := &builder{Builder: inner, hub: h}
	if authority, ok := inner.(resolver.AuthorityOverrider); ok {
		return overrider{own, authority}, nil
	}
	return own, nil
}

// builtIn returns the resolver for a target, grpc-go's but for static; one without a scheme that
// grpc-go knows is a name for dns. Nil: the scheme is xds and not linked.
func builtIn(target string) resolver.Builder {
	scheme, _, _ := strings.Cut(target, ":")
	if scheme == staticScheme {
		return static{}
	}
	if found := resolver.Get(scheme); found != nil || scheme == "xds" {
		return found
	}
	return resolver.Get("dns")
}

// builder makes another builder's resolvers tell of the hub.
type builder struct {
	resolver.Builder
	hub *hub
}

// overrider is a builder that also says which authority calls have.
type overrider struct {
	*builder
	resolver.AuthorityOverrider
}

// Build starts a resolver.
func (b *builder) Build(target resolver.Target, cc resolver.ClientConn, o resolver.BuildOptions) (resolver.Resolver, error) {
	tagged := &tagging{ClientConn: cc, hub: b.hub}
	if b.Scheme() == "dns" {
		return newRefresher(b.Builder, target, tagged, o, b.hub.options.ResolveInterval)
	}
	return b.Builder.Build(target, tagged, o)
}

// tagging adds the hub to what a resolver finds.
type tagging struct {
	resolver.ClientConn
	hub *hub
}

// UpdateState passes on what was found.
func (t *tagging) UpdateState(s resolver.State) error {
	s.Attributes = s.Attributes.WithValue(hubKey{}, t.hub)
	return t.ClientConn.UpdateState(s)
}

// ParseServiceConfig parses what the resolver has for a service config, under the
// hub's layer where the target brings its own balancer.
func (t *tagging) ParseServiceConfig(text string) *serviceconfig.ParseResult {
	if !t.hub.layered {
		return t.ClientConn.ParseServiceConfig(text)
	}
	over, err := layered(text)
	if err != nil {
		return &serviceconfig.ParseResult{Err: err}
	}
	return t.ClientConn.ParseServiceConfig(over)
}

// NewAddress is the deprecated form of UpdateState.
func (t *tagging) NewAddress(addresses []resolver.Address) {
	_ = t.UpdateState(resolver.State{Addresses: addresses}) // the form has no way to say
}
