package config

import (
	"fmt"
	"net/netip"
	"strings"

	"google.golang.org/protobuf/proto"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// TrustedProxies returns the proxies of a checked configuration.
func TrustedProxies(c *configv1.Config) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range c.GetTrustedProxies() {
		if addr, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %w", err)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

// Connection returns how connections to a service are kept: what is written for
// the service alone, laid over what is written for all.
func Connection(u *configv1.Upstreams, service string) *configv1.Connection {
	common := proto.CloneOf(u.GetConnection())
	own := u.GetConnections()[service]
	if own == nil {
		return common
	}
	proto.Merge(common, own)
	if common.GetTls().GetDisabled() {
		common.Tls = nil
	}
	return common
}

// Matches reports whether a pattern of [configv1.PolicyOverride] names the RPC
// with a full name such as "/venta.vendor.v2.VendorService/GetVendor", the
// leading slash left out or not.
func Matches(pattern, fullMethod string) bool {
	fullMethod = strings.TrimPrefix(fullMethod, "/")
	if pattern == "**" || pattern == fullMethod {
		return true
	}
	service, all := strings.CutSuffix(pattern, "*")
	return all && strings.HasSuffix(service, "/") && strings.HasPrefix(fullMethod, service)
}
