package telemetry

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
)

// Ended is a request that is over: all that its line in the access log and its span
// tell of it. [Options].OnRequest is given one. It is of use until that returns.
type Ended struct {
	q      *Request
	r      *http.Request
	route  *Route
	now    time.Time
	status int
	access *AccessLog // nil: nobody asks for a name
	error  string     // error.type; "": all went well
	left   bool       // the client has
}

// judge finds out what only the access log and observers ask for.
func (e *Ended) judge(access *AccessLog) {
	e.access, e.error = access, e.errorType()
}

// At returns when the request ended, and Took how long it was under way.
func (e *Ended) At() time.Time { return e.now }

// Took returns how long the request was under way.
func (e *Ended) Took() time.Duration { return e.now.Sub(e.q.record.start) }

// RequestID returns the request's id.
func (e *Ended) RequestID() string { return e.q.id }

// TraceID returns the id of the request's trace, or "" where nobody could find it.
func (e *Ended) TraceID() string { return e.q.traceID() }

// RPC returns the RPC, such as "shop.v1.OrderService/GetOrder", or "".
func (e *Ended) RPC() string { return e.route.rpcMethod }

// Route returns the template of the request's route, or "" where it has none.
func (e *Ended) Route() string { return e.route.template }

// Method returns the HTTP method, "_OTHER" for one that HTTP does not define.
func (e *Ended) Method() string { return e.q.series.method.String() }

// Status returns that of the response; 0: it was broken off before it began.
func (e *Ended) Status() int { return e.status }

// Stream reports whether the request's call was a stream.
func (e *Ended) Stream() bool { return e.q.record.calls.stream }

// ErrorType returns why the request did not end well, as its line has it, or "".
func (e *Ended) ErrorType() string { return e.error }

// Refusal is why a policy has refused a request. The zero value is none.
type Refusal struct {
	Policy string // the block, such as "rate_limits"
	Reason string // that the client reads, such as "RATE_LIMITED"
	Limit  string // the rate limit's name, or ""
}

// Refusal returns why a policy has refused the request, if one has.
func (e *Ended) Refusal() Refusal {
	f := e.q.record.failure
	if f.policy == "" {
		return Refusal{}
	}
	values := f.event(e.q.record.limit).values
	return Refusal{Policy: values[0], Reason: values[1], Limit: values[2]}
}

// Shadow is what a policy in shadow mode would have done to a request.
type Shadow struct {
	Policy string // the block
	Would  string // such as "refuse"
	Limit  string // the rate limit's name, or ""
}

// Shadows returns what policies in shadow mode would have done to the request.
func (e *Ended) Shadows() iter.Seq[Shadow] {
	return func(yield func(Shadow) bool) {
		for _, one := range e.q.record.events {
			if one.kind == eventShadow && !yield(Shadow{one.values[0], one.values[1], one.values[2]}) {
				return
			}
		}
	}
}

// CacheOutcome returns how the cache has served the request, such as "hit", or "".
func (e *Ended) CacheOutcome() string { return e.q.record.cache.text }

// Attempts returns how many attempts its calls had.
func (e *Ended) Attempts() int { return e.q.record.calls.begun }

// UpstreamAddress returns the address of the last attempt, or "" where nobody said.
func (e *Ended) UpstreamAddress() string {
	if address := e.q.record.address.Load(); address != nil {
		return *address
	}
	return ""
}

// UserAgent returns what the client calls itself, bounded and printable, or "".
func (e *Ended) UserAgent() string {
	if agent := e.r.Header["User-Agent"]; len(agent) > 0 {
		return printable(agent[0], longestUserAgent)
	}
	return ""
}

// ClientAddress returns the address that limits count the request under, whole; the
// invalid one where there is none.
func (e *Ended) ClientAddress() netip.Addr { return e.q.client(e.r) }

// Caller returns who has sent the request, in the form in which the access log names
// them: their hash, the subject itself, or "" where nobody was authenticated or the
// log names nobody.
func (e *Ended) Caller() (name string, form PrincipalForm) {
	caller, form := e.q.record.caller, e.access.principal
	if caller.Subject == "" {
		return "", form
	}
	switch form {
	case PrincipalHash:
		e.access.hash(caller, func(digest []byte) { name = base64.RawURLEncoding.EncodeToString(digest) })
	case PrincipalClear:
		name = printable(caller.Subject, longestUserAgent)
	}
	return name, form
}

// errorType returns error.type: why a request did not end well, or "".
func (e *Ended) errorType() string {
	failed := &e.q.record.failure
	switch {
	case e.clientLeft():
		e.left = true
		return errorClientLeft
	case failed.code != codes.OK:
		return failed.kind
	case !e.q.returned:
		return errorAborted
	default:
		return ""
	}
}

// clientLeft reports whether the client did not wait for its response, or did not
// take it: the server ends the request's context then, or a write has failed.
func (e *Ended) clientLeft() bool {
	if e.q.response.Err() != nil {
		return true
	}
	ctx := e.r.Context()
	if ctx.Err() == nil || !errors.Is(context.Cause(ctx), context.Canceled) {
		return false
	}
	return e.q.record.failure.code == codes.Canceled || !e.q.response.Began()
}

// failed reports whether the request has failed, by its server's fault.
func (e *Ended) failed() bool {
	return e.status == 0 || e.status >= http.StatusInternalServerError || e.q.record.streamFailed()
}
