package telemetry

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/apierror"
)

// Which requests count as refused is decided here, when they are over: by the error
// that the client has read, and by what blocks in shadow mode have told.

// bare are the reasons of refusals that no block of a policy is behind.
var bare = []apierror.Reason{
	apierror.RouteNotFound, apierror.MethodNotAllowed, apierror.InvalidRequest, apierror.HeadersTooLarge,
	apierror.UnsupportedMediaType, apierror.ShuttingDown,
}

// wouldBe are the words of shadow mode that mean a refusal, with the reason that the
// client would have read; "": one of several.
var wouldBe = map[decided]apierror.Reason{
	{"auth", "forbidden"}:         apierror.PermissionDenied,
	{"auth", "unauthenticated"}:   "",
	{"cache", "refuse"}:           "",
	{"circuit_breaker", "refuse"}: apierror.CircuitOpen,
	{"concurrency", "shed"}:       apierror.Overloaded,
	{"etag", "refuse"}:            "",
	{"invalidates", "refuse"}:     "",
	{"limits", "request"}:         apierror.RequestTooLarge,
	{"limits", "response"}:        apierror.ResponseTooLarge,
	{"rate_limits", "refuse"}:     apierror.RateLimited,
	{"timeout", "exceed"}:         apierror.TimeoutExceeded,
	{"timeout", "idle"}:           "STREAM_IDLE", // of package timeout
	{"version", "gone"}:           apierror.VersionGone,
}

// decided is a decision of a block in shadow mode.
type decided struct{ block, would string }

// wouldRefuse is a decision that is remembered until its request is over.
type wouldRefuse struct {
	decided
	limit string
	to    *lastRefusals
}

// maxWouldRefuse is how many of them one request has.
const maxWouldRefuse = 8

// remember keeps a decision of a block in shadow mode that is a refusal.
func (q *Request) remember(block, would, limit string) {
	if q == nil || q.refusals == nil {
		return
	}
	d := decided{block, would}
	if _, refuses := wouldBe[d]; !refuses {
		return
	}
	to := q.refusals.room(refuser{q.rpcMethod(), block, true}, time.Now())
	if to == nil {
		return
	}
	q.shadowsMu.Lock()
	defer q.shadowsMu.Unlock()
	if len(q.shadows) < maxWouldRefuse {
		q.shadows = append(q.shadows, wouldRefuse{d, limit, to})
	}
}

// rpcMethod returns the RPC that the request was routed to, or "".
func (q *Request) rpcMethod() string {
	if route := q.route.Load(); route != nil {
		return route.rpcMethod
	}
	return ""
}

// refused remembers a request that is over, if it was refused or would have been.
func (s *server) refused(e *Ended) {
	if s.refusals == nil {
		return
	}
	e.q.shadowsMu.Lock()
	shadows := e.q.shadows
	e.q.shadowsMu.Unlock()
	for _, one := range shadows {
		r := e.refused()
		r.Policy, r.Would, r.Reason, r.Limit = one.block, one.would, string(wouldBe[one.decided]), one.limit
		one.to.keep(r)
	}
	failed := &e.q.record.failure
	if !e.wasRefused(failed) {
		return
	}
	to := s.refusals.room(refuser{e.route.rpcMethod, failed.policy, false}, e.now)
	if to == nil {
		return
	}
	r := e.refused()
	r.Policy, r.Reason = failed.policy, failed.kind
	if r.Policy == "rate_limits" {
		r.Limit = e.q.record.limit
	}
	to.keep(r)
}

// wasRefused reports whether the client has got that error, and it is a refusal: a
// stale response may have stood in for it.
func (e *Ended) wasRefused(f *failure) bool {
	if f.policy == "" && !slices.Contains(bare, apierror.Reason(f.kind)) {
		return false
	}
	return e.status == 0 || e.status >= http.StatusBadRequest || e.q.response.Streamed()
}

// refused tells of the request. What it keeps holds nothing of the request's header.
func (e *Ended) refused() RefusedRequest {
	r := RefusedRequest{At: e.now, Method: e.route.rpcMethod, Status: e.status, RequestID: strings.Clone(e.q.id), TraceID: e.q.traceID()}
	if e.route.template != "" {
		r.Route = e.route.spanName(e.q.series.method)
	}
	r.UserHash, r.User = e.access.CallerName(e.q.record.caller)
	return r
}
