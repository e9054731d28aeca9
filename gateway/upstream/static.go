package upstream

import (
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc/resolver"
)

// staticScheme begins targets that list their addresses:
// "static:///10.0.0.1:9001,10.0.0.2:9001".
const staticScheme = "static"

// static resolves such targets. Its calls name the first address as their
// authority; a TLS server name that fits all is Options.TLS.ServerName.
type static struct{}

// Scheme implements resolver.Builder.
func (static) Scheme() string { return staticScheme }

// OverrideAuthority implements resolver.AuthorityOverrider.
func (static) OverrideAuthority(target resolver.Target) string {
	first, _, _ := strings.Cut(target.Endpoint(), ",")
	return first
}

// Build implements resolver.Builder.
func (static) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	endpoints, err := staticEndpoints(target.Endpoint())
	if err != nil {
		return nil, err
	}
	return unchanging{}, cc.UpdateState(resolver.State{Endpoints: endpoints})
}

func staticEndpoints(list string) ([]resolver.Endpoint, error) {
	var found []resolver.Endpoint
	seen := map[string]bool{}
	for address := range strings.SplitSeq(list, ",") {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q is not host:port", address)
		}
		if seen[address] {
			return nil, fmt.Errorf("%s is listed twice", address)
		}
		seen[address] = true
		found = append(found, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	return found, nil
}

// unchanging is a resolver whose addresses never change.
type unchanging struct{}

// ResolveNow implements resolver.Resolver.
func (unchanging) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver.
func (unchanging) Close() {}
