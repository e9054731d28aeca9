package export

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// collectorURL reads HOST:PORT with or without a scheme, and adds the one that
// is missing. It refuses a plain connection to another machine that was not
// allowed.
func collectorURL(text string, allowPlain bool) (*url.URL, error) {
	u, err := parseURL(text)
	if err != nil {
		return nil, fmt.Errorf("OTLPEndpoint %q: must be HOST:PORT, http://HOST:PORT or https://HOST:PORT", text)
	}
	plain := allowPlain || loopback(u.Hostname())
	switch {
	case u.Scheme == "" && plain:
		u.Scheme = "http"
	case u.Scheme == "":
		u.Scheme = "https"
	case u.Scheme == "http" && !plain:
		return nil, fmt.Errorf("OTLPEndpoint %q: a plain connection to another machine; use https or set OTLPInsecure", text)
	}
	return u, nil
}

// parseURL accepts nothing but a host, a port and the schemes.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "", "http", "https":
	default:
		return nil, fmt.Errorf("unknown scheme %q", u.Scheme)
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.Hostname() == "" || u.Port() == "" || strings.TrimSuffix(u.String(), "/") != bare.String() {
		return nil, fmt.Errorf("%q is no host and port", text)
	}
	return u, nil
}

// loopback tells whether host is this machine, without asking a name server.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
