package export

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Protocol is what OTLP is spoken over.
type Protocol string

// The protocols.
const (
	// ProtocolByPort is ProtocolHTTP for port 4318, which is registered for it,
	// and ProtocolGRPC for any other.
	ProtocolByPort Protocol = ""
	ProtocolGRPC   Protocol = "grpc"
	ProtocolHTTP   Protocol = "http/protobuf"
)

const (
	portOfHTTP  = "4318"
	defaultPath = "/v1/traces"
)

// protocol returns what the collector is spoken to by.
func (c Config) protocol(collector *url.URL) Protocol {
	switch {
	case c.OTLPProtocol != ProtocolByPort:
		return c.OTLPProtocol
	case collector.Port() == portOfHTTP:
		return ProtocolHTTP
	default:
		return ProtocolGRPC
	}
}

// collector returns where traces go.
func (c Config) collector() (*url.URL, error) {
	switch c.OTLPProtocol {
	case ProtocolByPort, ProtocolGRPC, ProtocolHTTP:
	default:
		return nil, fmt.Errorf("OTLPProtocol %q: must be %q or %q", string(c.OTLPProtocol), ProtocolGRPC, ProtocolHTTP)
	}
	u, err := collectorURL(c.OTLPEndpoint, c.OTLPInsecure)
	if err != nil {
		return nil, err
	}
	if c.protocol(u) == ProtocolHTTP {
		u.Path = defaultPath
		if c.OTLPPath != "" {
			u.Path = c.OTLPPath
		}
	}
	return u, nil
}

// cutPath parts the path of a URL from its address.
func cutPath(text string) (address, path string, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		rest = text
	}
	host, path, _ := strings.Cut(rest, "/")
	if strings.ContainsAny(rest, "?#@") || host == "" {
		return "", "", errors.New("must be HOST:PORT, http://HOST:PORT or https://HOST:PORT, with a path or not")
	}
	if found {
		host = scheme + "://" + host
	}
	if path != "" {
		path = "/" + path
	}
	return host, path, nil
}

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
