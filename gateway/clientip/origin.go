package clientip

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// TrustsPeer reports whether a request comes directly from a trusted proxy, which
// may speak for the client: of its host, its trace, its request id.
func (e *Extractor) TrustsPeer(r *http.Request) bool {
	return len(e.trusted) > 0 && e.trusts(parse(r.RemoteAddr))
}

// Host returns the host that the client asked, in lower case: what a trusted proxy
// says in X-Forwarded-Host, else the request's own. Of several values the last one
// is that of the nearest proxy.
func (e *Extractor) Host(r *http.Request) string {
	if lines := r.Header[forwardedHost]; len(lines) > 0 && e.TrustsPeer(r) {
		line := lines[len(lines)-1]
		host := strings.Trim(line[strings.LastIndexByte(line, ',')+1:], " \t")
		if host != "" && httpguts.ValidHostHeader(host) {
			return strings.ToLower(host)
		}
	}
	return strings.ToLower(r.Host)
}

// Path returns the addresses that a request came by, as X-Forwarded-For is written:
// the client, the trusted proxies that it passed, and the peer. What the client
// itself claims to have passed is left out. It is "" where the peer has no address.
func (e *Extractor) Path(r *http.Request) string {
	peer := parse(r.RemoteAddr)
	if !peer.IsValid() {
		return ""
	}
	if len(r.Header[forwardedFor]) == 0 || !e.trusts(peer) {
		return text(peer, r.RemoteAddr)
	}
	hops := []string{peer.String()}
	for hop := range e.claimed(r) {
		hops = append(hops, hop.String())
	}
	slices.Reverse(hops)
	return strings.Join(hops, ", ")
}

// text writes an address, without a copy where the peer is written so.
func text(addr netip.Addr, peer string) string {
	var room [64]byte
	written := addr.AppendTo(room[:0])
	if host, _, err := net.SplitHostPort(peer); err == nil && host == string(written) {
		return host
	}
	return string(written)
}
