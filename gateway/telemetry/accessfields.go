package telemetry

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/venta-hq/venta/gateway/requestctx"
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

// ending is a request that has ended, as its line tells it.
type ending struct {
	q       *Request
	r       *http.Request
	route   *Route
	now     time.Time
	status  int
	calls   requestctx.CallsSoFar
	facts   factsTold
	error   string // error.type; "": all went well
	left    bool   // the client has
	access  *AccessLog
	leftOut int64
	ratio   float64 // below 1: the share of lines like this that is written
}

// tell gives all fields but time, level and message. docs/observability.md has the
// table of them.
func (e *ending) tell(to fields) {
	to.text("request_id", e.q.id) // holds nothing to escape, see validID
	e.tellRequest(to)
	to.number("http.response.status_code", int64(e.status)) // 0: cut before a response
	to.number("http.response.body.size", e.q.response.Bytes())
	to.seconds("duration_seconds", e.now.Sub(e.q.start))
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

func (e *ending) tellRequest(to fields) {
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
func (e *ending) tellClient(to fields) {
	peer := peerAddress(e.r)
	client := e.q.client(e.r)
	if client.IsValid() {
		to.address("client.address", client)
	}
	if peer != client && peer.IsValid() {
		to.address("network.peer.address", peer)
	}
	if agent := e.r.Header["User-Agent"]; len(agent) > 0 {
		to.text("user_agent.original", printable(agent[0], longestUserAgent))
	}
	if e.facts.caller.Subject == "" {
		return
	}
	switch e.access.principal {
	case PrincipalHash:
		h := e.access.hashes.Get().(*keyedHash)
		to.digest("user.hash", h.of(e.facts.caller))
		e.access.hashes.Put(h)
	case PrincipalClear:
		to.text("user.id", printable(e.facts.caller.Subject, longestUserAgent))
	}
}

// tellCalls tells where the time has gone.
func (e *ending) tellCalls(to fields) {
	if e.facts.queued > 0 {
		to.seconds("venta.queue.duration_seconds", e.facts.queued)
	}
	if e.calls.Attempts == 0 {
		return
	}
	to.number("venta.attempts", int64(e.calls.Attempts))
	to.seconds("venta.upstream.duration_seconds", e.calls.Took)
	if !e.calls.Stream && !e.calls.Ended.IsZero() {
		to.seconds("venta.encode.duration_seconds", e.now.Sub(e.calls.Ended))
	}
	optional(to, "venta.upstream.address", e.calls.Address)
	if e.calls.Stream {
		to.number("venta.stream.request_messages", e.calls.Requests)
		to.number("venta.stream.response_messages", e.calls.Responses)
	}
}

// tellOutcome tells what came of the request.
func (e *ending) tellOutcome(to fields) {
	optional(to, "venta.cache.outcome", e.facts.cache)
	optional(to, "error.type", e.error)
	if e.facts.failure.code != 0 {
		to.text("rpc.response.status_code", codeName(e.facts.failure.code))
	}
	if e.facts.failure.policy == "" {
		return
	}
	to.text("venta.policy.name", e.facts.failure.policy)
	if e.facts.failure.policy == "rate_limits" {
		optional(to, "venta.rate_limit.name", e.facts.limit)
	}
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
