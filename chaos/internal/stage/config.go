package stage

import (
	"fmt"
	"strings"
)

// Config is a gateway's configuration (venta.config.v1), as far as scenarios
// need it.
type Config struct {
	// Vendor is the target of the vendors' service.
	Vendor string
	// Connection is how connections to it are kept, as YAML in flow style; "" for
	// the defaults.
	Connection string
	// Shutdown is how the process ends, as YAML in flow style; "" for the
	// defaults.
	Shutdown string
	// Listener is how the REST address is served, as YAML in flow style; "" for the
	// defaults.
	Listener string
	// Redis is what gateways share, with its cache, as YAML in flow style; "" for
	// none.
	Redis string
	// Overrides are laid over the annotated policies.
	Overrides []Override
}

// Override lays blocks of policy over those of a method.
type Override struct {
	Method string // of VendorService v2, such as "GetVendor", or "*"
	Policy string // a venta.policy.v1.Policy as YAML in flow style
}

// YAML returns the file. Logs are for what goes wrong; a line for each request
// would hide it.
func (c Config) YAML() string {
	var b strings.Builder
	b.WriteString("logging: {level: LEVEL_ERROR}\ntrusted_proxies: [127.0.0.1]\n")
	fmt.Fprintf(&b, "upstreams:\n  vendor: {target: %q}\n", c.Vendor)
	if c.Connection != "" {
		fmt.Fprintf(&b, "  default: {connection: %s}\n", c.Connection)
	}
	if c.Shutdown != "" {
		fmt.Fprintf(&b, "shutdown: %s\n", c.Shutdown)
	}
	if c.Listener != "" {
		fmt.Fprintf(&b, "http_listener: %s\n", c.Listener)
	}
	if c.Redis != "" {
		fmt.Fprintf(&b, "redis: %s\ncache: {remote: true}\n", c.Redis)
	}
	if len(c.Overrides) > 0 {
		b.WriteString("overrides:\n")
	}
	for _, o := range c.Overrides {
		fmt.Fprintf(&b, "  - methods: \"venta.vendor.v2.VendorService/%s\"\n    policy: %s\n", o.Method, o.Policy)
	}
	return b.String()
}
