package config

import (
	"fmt"
	"slices"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// redisDependency is how health.critical names Redis.
const redisDependency = "redis"

// checkHealth refuses critical dependencies that the process does not have.
func (d *decoder) checkHealth(c *configv1.Config) {
	for i, name := range c.GetHealth().GetCritical() {
		at := item("health.critical", i)
		switch {
		case slices.Contains(d.program.names, name):
		case name != redisDependency:
			d.wrong(at, fmt.Sprintf("%q is no dependency%s", shortened(name), suggest(name, append(slices.Clone(d.program.names), redisDependency))))
		case len(c.GetRedis().GetAddresses()) == 0:
			d.wrong(at, "needs redis.addresses; say where Redis is, or remove it")
		}
	}
}

// checkAdmin refuses what two fields say of the admin address together.
func (d *decoder) checkAdmin(access *configv1.AdminAccess) {
	tokens := access.GetTokensFile() != ""
	if access.GetOpen() && tokens {
		d.wrong("admin_access.open", "everybody may do everything, so that tokens_file means nothing; leave one of the two out")
	}
	if access.GetRequireOnLoopback() && !tokens {
		d.wrong("admin_access.require_on_loopback", "needs admin_access.tokens_file; the command admintoken makes its entries")
	}
}
