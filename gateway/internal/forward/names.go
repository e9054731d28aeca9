package forward

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// What grpc-gateway names metadata by: headers that become any key, and keys that
// stand for headers of HTTP itself.
const (
	metadataPrefix = "Grpc-Metadata-"
	headerPrefix   = "grpcgateway-"
)

// Connection reports whether a lower-case name belongs to one connection or to the
// framing of one message, and so never to the next hop (RFC 9110, section 7.6.1;
// RFC 9113, section 8.2.2).
func Connection(name string) bool {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer",
		"http2-settings", "content-length", "host", "expect", "max-forwards",
		"proxy-authenticate", "proxy-authorization", "proxy-authentication-info":
		return true
	}
	return strings.HasPrefix(name, ":")
}

// Written reports whether a lower-case name is one that the gateway itself tells
// upstreams by: where a request comes from, its id, trace and deadline, and all
// that begins with x-venta-. No client and no option of a program can write it.
func Written(name string) bool {
	return Traced(name) || hasPrefix(name, "x-forwarded-", "x-venta-", "grpc-") || name == "forwarded" || name == "baggage"
}

// Traced reports whether a lower-case name identifies one request or its trace.
// An answer that depended on it could serve nobody else.
func Traced(name string) bool {
	return name == "x-request-id" || name == "traceparent" || name == "tracestate"
}

// spoken is what proxies and gateways say of a request, by the names of products
// that services know: who the client is, where it comes from, which trace the
// request belongs to, which resource it is really about, and what a proxy on the
// way shall do. A service or a proxy behind the gateway would believe it.
var spoken = []string{
	// who
	"x-user", "x-user-id", "x-user-name", "x-user-email", "x-user-role", "x-user-roles", "x-user-groups", "x-username",
	"x-userid", "x-groups", "x-roles", "x-scopes", "x-subject", "x-principal", "remote-user", "x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "x-jwt-assertion",
	"x-jwt-payload", "x-anonymous-consumer", "x-client-cert", "x-client-verify", "x-client-dn",
	// where from
	"via", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip", "x-originating-ip",
	"x-remote-ip", "x-remote-addr", "remote-addr", "fastly-client-ip", "x-azure-clientip", "x-azure-socketip", "x-proxyuser-ip",
	// which trace
	"b3", "uber-trace-id", "x-cloud-trace-context", "sw8", "elastic-apm-traceparent", "correlation-context",
	// what it is really about
	"x-http-method", "x-http-method-override", "x-method-override", "x-rewrite-url", "x-host", "x-accel-redirect",
}

// spokenPrefixes are those of the products' families of names.
var spokenPrefixes = []string{
	"x-auth-request-", "x-authenticated-", "x-consumer-", "x-credential-", "x-webauth-", "x-remote-user", "x-ssl-", "ssl-client-",
	"x-goog-", "x-amzn-", "x-ms-client-", "x-appengine-", "cf-", "tailscale-", "x-pomerium-",
	"x-envoy-", "x-istio-", "x-b3-", "x-datadog-", "x-ot-span-", "x-original-",
}

// Spoken reports whether a lower-case name is one that only a proxy in front of a
// service may say.
func Spoken(name string) bool {
	return slices.Contains(spoken, name) || hasPrefix(name, spokenPrefixes...)
}

// credentialed are headers that bear credentials or describe the message itself.
// A client sends them under their own names, where the gateway has seen them: as
// Grpc-Metadata- they would pass it by.
func credentialed(name string) bool {
	switch name {
	case "authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token",
		"user-agent", "accept-encoding", "date", "origin", "referer":
		return true
	}
	return hasPrefix(name, "content-")
}

// Reserved reports whether no client may choose a lower-case metadata key by
// Grpc-Metadata-. The spellings that frameworks take for one another ("_" and ".")
// count as one, and so do the text and the binary form.
func Reserved(key string) bool {
	name := strings.TrimSuffix(strings.Map(dashed, key), "-bin")
	return Connection(name) || Written(name) || Spoken(name) || credentialed(name) || hasPrefix(name, headerPrefix)
}

func dashed(c rune) rune {
	if c == '_' || c == '.' {
		return '-'
	}
	return c
}

func hasPrefix(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Refusal says why a header cannot be listed to travel, or "".
func Refusal(header string) string {
	name := strings.ToLower(header)
	switch {
	case !httpguts.ValidHeaderFieldName(header) || header == "*" || strings.ContainsFunc(name, notInKey):
		return "is not the name of a header that metadata can have"
	case Connection(name):
		return "belongs to one connection and never travels (RFC 9110, section 7.6.1)"
	case name == "authorization":
		return "travels in any case"
	case hasPrefix(name, strings.ToLower(metadataPrefix)):
		return "travels by its prefix already"
	case Written(name), Spoken(name):
		return "is what a proxy says of a request, which a client must not"
	case name == "accept-encoding", hasPrefix(name, "content-"), hasPrefix(name, headerPrefix):
		return "describes the HTTP message, which the upstream does not get"
	}
	return ""
}

// OfCache reports whether a header is a condition on what the client has, or asks
// for a part of it. A cache answers it itself and does not hand it on.
func OfCache(header string) bool {
	switch textproto.CanonicalMIMEHeaderKey(header) {
	case "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range":
		return true
	}
	return false
}

// Key returns the metadata key that a listed header travels under: that of
// grpc-gateway where it has one, else the name in lower case.
func Key(header string) string {
	name := strings.ToLower(header)
	switch name {
	case "accept", "accept-charset", "accept-language", "accept-ranges", "cache-control", "cookie", "date", "from",
		"if-match", "if-modified-since", "if-none-match", "if-schedule-tag-match", "if-unmodified-since",
		"origin", "pragma", "referer", "user-agent", "warning":
		return headerPrefix + name
	}
	return name
}

// MetadataKey returns the key that a header named Grpc-Metadata- sets, or "" for
// another header and for a key that no client may choose.
func MetadataKey(header string) string {
	if !strings.HasPrefix(header, metadataPrefix) {
		return ""
	}
	key := strings.ToLower(header[len(metadataPrefix):])
	if key == "" || strings.ContainsFunc(key, notInKey) || Reserved(key) {
		return ""
	}
	return key
}

// notInKey reports what a gRPC metadata key cannot hold.
func notInKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
}

// hidden are the lower-case names of further headers that the client itself lists
// as meant for this connection alone (Connection; RFC 9110, section 7.6.1).
func hidden(h http.Header) []string {
	var names []string
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			option = strings.TrimSpace(option)
			switch {
			case option == "", strings.EqualFold(option, "close"), strings.EqualFold(option, "keep-alive"), strings.EqualFold(option, "upgrade"):
			default:
				names = append(names, strings.ToLower(option))
			}
		}
	}
	return names
}

// Withholds reports whether the client lists one of the headers that it sends as meant for this
// connection alone, so that it does not travel. The names are in canonical form.
func Withholds(h http.Header, names ...string) bool {
	if len(h["Connection"]) == 0 {
		return false
	}
	hidden := hidden(h)
	return slices.ContainsFunc(names, func(name string) bool { return len(h[name]) > 0 && isHidden(hidden, name) })
}

// isHidden reports whether the client lists a header so.
func isHidden(hidden []string, header string) bool {
	return len(hidden) > 0 && slices.Contains(hidden, strings.ToLower(header))
}
