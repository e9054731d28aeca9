package config

import (
	"fmt"
	"net/netip"

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
