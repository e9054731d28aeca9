// Package clientip finds out what trusted proxies say of a request: the address of
// the client, and the host that it asked.
//
// X-Forwarded-For and X-Forwarded-Host are claims of whoever sent the request.
// They are believed only as far as trusted proxies vouch for them: read from the
// right, each address was written by the hop after it, and the first one that is
// not a trusted proxy is the client.
package clientip

import (
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	forwardedFor  = "X-Forwarded-For"
	forwardedHost = "X-Forwarded-Host"
	mappedBits    = 96 // what precedes the IPv4 address in ::ffff:a.b.c.d
	clientBits    = 64 // the smallest block that one IPv6 client controls
)

// Extractor finds client addresses. It is immutable and safe for concurrent use.
type Extractor struct {
	trusted []netip.Prefix
}

// New returns an Extractor that believes X-Forwarded-For from the proxies in
// trusted, and from nobody where trusted is empty. IPv4-mapped prefixes count
// as the IPv4 prefixes that they are. An invalid prefix is an error.
func New(trusted []netip.Prefix) (*Extractor, error) {
	e := &Extractor{trusted: make([]netip.Prefix, 0, len(trusted))}
	for i, prefix := range trusted {
		if !prefix.IsValid() {
			return nil, fmt.Errorf("clientip: trusted prefix %d is not valid", i)
		}
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= mappedBits {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-mappedBits)
		}
		e.trusted = append(e.trusted, prefix.Masked())
	}
	return e, nil
}

// From returns the client's address, IPv4-mapped addresses as IPv4 and without
// a zone. It is the peer's own address unless the peer is a trusted proxy, and
// the invalid Addr where the peer has none (a Unix socket).
//
// An entry of X-Forwarded-For that is no address ends the search: the last
// trusted hop stands for what it let through.
func (e *Extractor) From(r *http.Request) netip.Addr {
	client := parse(r.RemoteAddr)
	if len(r.Header[forwardedFor]) == 0 || !e.trusts(client) {
		return client
	}
	for hop := range e.claimed(r) {
		client = hop
	}
	return client
}

// claimed yields the addresses of X-Forwarded-For that trusted proxies vouch for,
// from the peer's neighbour to the client. The peer must be trusted.
func (e *Extractor) claimed(r *http.Request) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, line := range slices.Backward(r.Header[forwardedFor]) {
			for line != "" {
				comma := strings.LastIndexByte(line, ',')
				hop := parse(strings.Trim(line[comma+1:], " \t"))
				if !hop.IsValid() || !yield(hop) || !e.trusts(hop) {
					return
				}
				line = line[:max(comma, 0)]
			}
		}
	}
}

func (e *Extractor) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(e.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// parse reads an address with or without a port, and with or without brackets.
func parse(s string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return normal(withPort.Addr())
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.Addr{}
		}
		s = inner
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return normal(addr)
}

// normal gives every way to write an address one form, so that a client cannot
// pass for several.
func normal(addr netip.Addr) netip.Addr {
	return addr.Unmap().WithZone("")
}

// Key returns what a client is counted under: an IPv4 address whole, an IPv6
// address by its /64, within which a client may take any address it likes. The
// invalid Addr has the key "".
func Key(addr netip.Addr) string {
	addr = normal(addr)
	switch {
	case !addr.IsValid():
		return ""
	case addr.Is4():
		return addr.String()
	default:
		return netip.PrefixFrom(addr, clientBits).Masked().String()
	}
}
