package telemetry

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

// The fields of a line that no client may fill as it likes, in bytes.
const (
	longestPath      = 1024
	longestUserAgent = 256
	longestMethod    = 32
)

// What error.type says beside the gateway's reasons and the codes of gRPC.
const (
	errorClientLeft = "client_left" // before its response was whole
	errorAborted    = "aborted"     // the handler broke the response off
	errorPanic      = "panic"
)

// fields takes the fields of a line, in order.
type fields interface {
	text(key, value string)
	address(key string, value netip.Addr)
	digest(key string, value []byte)
	number(key string, value int64)
	seconds(key string, value time.Duration)
	ratio(key string, value float64)
}

// tell gives all fields but time, level and message. docs/observability.md has the
// table of them.
func (e *entry) tell(to fields) {
	to.text("request_id", e.q.id) // holds nothing to escape, see validID
	e.tellRequest(to)
	to.number("http.response.status_code", int64(e.status)) // 0: cut before a response
	to.number("http.response.body.size", e.q.response.Bytes())
	to.seconds("duration_seconds", e.Took())
	e.tellClient(to)
	optional(to, "http.route", e.route.template)
	optional(to, "rpc.method", e.route.rpcMethod)
	e.tellCalls(to)
	e.tellOutcome(to)
	optional(to, "trace_id", e.q.traceID())
	if e.ratio < 1 {
		to.ratio("venta.log.sample_ratio", e.ratio)
	}
	if e.leftOut > 0 {
		to.number(leftOutKey, e.leftOut)
	}
}

func (e *entry) tellRequest(to fields) {
	to.text("http.request.method", e.q.series.method.String())
	if e.q.series.method == methodOther {
		to.text("http.request.method_original", printable(e.r.Method, longestMethod))
	}
	to.text("url.path", e.q.path(e.route, e.r))
	if n := e.r.ContentLength; n > 0 {
		to.number("http.request.body.size", n)
	}
}

// tellClient tells who has sent the request.
func (e *entry) tellClient(to fields) {
	peer := peerAddress(e.r)
	client := e.q.client(e.r)
	if client.IsValid() {
		to.address("client.address", client)
	}
	if peer != client && peer.IsValid() {
		to.address("network.peer.address", peer)
	}
	optional(to, "user_agent.original", e.UserAgent())
	caller := e.q.record.caller
	if caller.Subject == "" {
		return
	}
	switch e.access.principal {
	case PrincipalHash:
		e.access.hash(caller, func(digest []byte) { to.digest("user.hash", digest) })
	case PrincipalClear:
		to.text("user.id", printable(caller.Subject, longestUserAgent))
	}
}

// tellCalls tells where the time has gone.
func (e *entry) tellCalls(to fields) {
	record, calls := &e.q.record, &e.q.record.calls
	if record.queued > 0 {
		to.seconds("venta.queue.duration_seconds", record.queued)
	}
	if calls.begun == 0 {
		return
	}
	to.number("venta.attempts", int64(calls.begun))
	to.seconds("venta.upstream.duration_seconds", calls.took)
	if !calls.stream && calls.under == 0 {
		to.seconds("venta.encode.duration_seconds", e.Took()-calls.ended)
	}
	optional(to, "venta.upstream.address", e.UpstreamAddress())
	if calls.stream {
		to.number("venta.stream.request_messages", record.requests.Load())
		to.number("venta.stream.response_messages", record.responses.Load())
	}
}

// tellOutcome tells what came of the request.
func (e *entry) tellOutcome(to fields) {
	record := &e.q.record
	optional(to, "venta.cache.outcome", record.cache.text)
	optional(to, "error.type", e.error)
	if record.failure.code != codes.OK {
		to.text("rpc.response.status_code", codeName(record.failure.code))
	}
	refusal := e.Refusal()
	optional(to, "venta.policy.name", refusal.Policy)
	optional(to, "venta.rate_limit.name", refusal.Limit)
}

func optional(to fields, key, value string) {
	if value != "" {
		to.text(key, value)
	}
}

// path returns the request's path as logs and spans may have it: without what the
// schema calls a secret.
func (q *Request) path(route *Route, r *http.Request) string {
	switch {
	case route.secretPath:
		return route.template
	case q.secretPath.Load():
		return redactedPath
	}
	return printable(r.URL.Path, longestPath)
}

// redactedPath stands for the path of a request that is on no route, and may be
// meant for one with a secret in its path.
const redactedPath = "/[redacted]"

// client returns the address that limits count the request under, whole.
func (q *Request) client(r *http.Request) netip.Addr {
	if q.clientAddress != nil {
		return q.clientAddress(r)
	}
	return peerAddress(r)
}

// peerAddress is that of the connection; invalid where it has none.
func peerAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// printable returns text of at most so many bytes, with "?" for what a terminal or a
// reader of lines could stumble over.
func printable(text string, most int) string {
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		text = text[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text) // itself where nothing is replaced
}
