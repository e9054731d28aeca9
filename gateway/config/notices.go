package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// soon is how long before its end an override is pointed out.
const soon = 24 * time.Hour

// Notices returns what is right and yet worth a look, at its place: addresses that
// other machines reach and that are not secured, keys for development, and
// overrides that have expired at now, or expire within a day.
func (l *Loaded) Notices(now time.Time) []Fault {
	return append(l.exposed(), l.expiring(now)...)
}

// exposed points out what other machines reach.
func (l *Loaded) exposed() []Fault {
	var notices []Fault
	if c := l.Config; c.GetAuth().GetDevelopmentKeys() && c.GetAuth().GetJwksFile() == "" {
		notices = append(notices, l.Fault("auth.development_keys", "tokens are verified with keys of the data folder: whoever reads it can sign any token"))
	}
	if c := l.Config; c.GetHttpListener().GetTls() == nil && !Loopback(c.GetHttp()) {
		notices = append(notices, l.Fault("http", "other machines reach the REST address without TLS, and what they send can be read on the way; "+
			"set http_listener.tls, or see to it that nothing but a proxy that ends TLS reaches it"))
	}
	return append(notices, l.exposedAdmin()...)
}

func (l *Loaded) exposedAdmin() []Fault {
	c := l.Config
	switch {
	case Loopback(c.GetAdmin()):
		return nil
	case c.GetAdminAccess().GetOpen():
		return []Fault{l.Fault("admin_access.open", "other machines reach the admin address, which authenticates nobody; "+
			"see to it that only operators and their machines do, or set admin_access.tokens_file")}
	case c.GetAdminListener().GetTls() == nil:
		return []Fault{l.Fault("admin", "other machines reach the admin address without TLS, and operators' tokens can be read on the way; "+
			"set admin_listener.tls, or see to it that nothing but a proxy that ends TLS reaches it")}
	}
	return nil
}

// Loopback tells whether only this machine reaches an address.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// expiring points out overrides that end soon, or have.
func (l *Loaded) expiring(now time.Time) []Fault {
	var notices []Fault
	for i, override := range l.Config.GetOverrides() {
		expires, err := time.Parse(time.RFC3339, override.GetExpires())
		if err != nil {
			continue // it has no end; others were refused
		}
		path := item("overrides", i) + ".expires"
		switch left := expires.Sub(now); {
		case left <= 0:
			notices = append(notices, l.Fault(path, "the override of "+override.GetMethods()+" has expired; remove it"))
		case left <= soon:
			notices = append(notices, l.Fault(path, fmt.Sprintf("the override of %s expires in %s", override.GetMethods(), briefly(left.Round(time.Second)))))
		}
	}
	return notices
}
