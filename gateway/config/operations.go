package config

import (
	"fmt"
	"slices"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// redisDependency and eventsDependency are how health.critical names Redis and the
// log of events.
const (
	redisDependency  = "redis"
	eventsDependency = "events"
)

// checkHealth refuses critical dependencies that the process does not have.
func (d *decoder) checkHealth(c *configv1.Config) {
	for i, name := range c.GetHealth().GetCritical() {
		at := item("health.critical", i)
		switch {
		case slices.Contains(d.program.names, name):
		case name == eventsDependency:
			if c.GetEvents().GetUrl() == "" {
				d.wrong(at, "needs events.url; say where the log is, or remove it")
			}
		case name != redisDependency:
			d.wrong(at, fmt.Sprintf("%q is no dependency%s", shortened(name), suggest(name, append(slices.Clone(d.program.names), redisDependency, eventsDependency))))
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

// checkEvents refuses what belongs to a log that is nowhere.
func (d *decoder) checkEvents(c *configv1.Config) {
	e := c.GetEvents()
	if e.GetUrl() != "" {
		return
	}
	if e.GetCredentialsFile() != "" {
		d.wrong("events.credentials_file", "needs events.url; say where the log is, or remove it")
	}
	if e.GetTls() != nil && !e.GetTls().GetDisabled() {
		d.wrong("events.tls", "needs events.url; say where the log is, or remove it")
	}
}
