package telemetry

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// The functions here fill the record of the request that a context is of. What the
// gateway does in the background, such as the refresh of a stale response, is not the
// request's. Without [Middleware], as on a program's own server, there is no record:
// what would be an event is then one of the program's span.

// recordOf returns the record of the request that ctx is of; nil for what no client
// waits for.
func recordOf(ctx context.Context) *record {
	r, _ := requestctx.CallsOf(ctx).(*record)
	return r
}

// CachedAs tells how the cache has served the request, such as "hit"; the last of
// several counts.
func CachedAs(ctx context.Context, outcome string) {
	r := recordOf(ctx)
	if r == nil {
		noteElsewhere(ctx, cacheEventOf(cacheOutcome{text: outcome}))
		return
	}
	r.change(func(r *record) {
		r.cache = cacheOutcome{text: outcome}
		if r.keeps {
			r.cache.at = r.now()
		}
	})
}

// LimitedBy tells which rate limit has refused the request.
func LimitedBy(ctx context.Context, limit string) {
	recordOf(ctx).change(func(r *record) { r.limit = limit })
}

// Queued tells how long a call has waited before it was let in.
func Queued(ctx context.Context, waited time.Duration) {
	recordOf(ctx).change(func(r *record) { r.queued += waited })
}

// Authenticated tells who has sent the request.
func Authenticated(ctx context.Context, c Caller) {
	recordOf(ctx).change(func(r *record) { r.caller = c })
}

// Failed tells the error that the request's client reads, be it at the end of a
// stream; the last of several counts. Which block of the policy has refused the
// request follows from it. Its text stays out: it may hold what the client or an
// upstream must not see in a log.
func Failed(ctx context.Context, err error) {
	if err == nil {
		return
	}
	failed, r := failureOf(err), recordOf(ctx)
	if r == nil {
		if failed.policy != "" {
			noteElsewhere(ctx, failed.event(""))
		}
		return
	}
	r.change(func(r *record) {
		failed.at = r.now()
		r.failure = failed
	})
}

// Panicked tells that a handler has panicked.
func Panicked(ctx context.Context) {
	recordOf(ctx).change(func(r *record) { r.failure = panicked })
}

// Shadowed tells what a block in shadow mode would have done to the request. limit is
// the rate limit that would have, or "".
func Shadowed(ctx context.Context, block, would, limit string) {
	if recordOf(ctx) != nil {
		FromContext(ctx).remember(block, would, limit)
	}
	note(ctx, event{kind: eventShadow, values: [4]string{block, would, limit}})
}

// Retried tells what followed from an attempt, by its number.
func Retried(ctx context.Context, number int, verdict string) {
	note(ctx, event{kind: eventRetry, values: [4]string{strconv.Itoa(number), verdict}})
}

// BreakerTurned tells of a transition that the call of the context has brought about.
// address is the one whose breaker it is, or "".
func BreakerTurned(ctx context.Context, breaker, from, to, address string) {
	note(ctx, event{kind: eventTransition, values: [4]string{breaker, from, to, address}})
}

func note(ctx context.Context, e event) {
	if r := recordOf(ctx); r != nil {
		r.note(e)
		return
	}
	noteElsewhere(ctx, e)
}

// noteElsewhere adds an event to a span that is not ours.
func noteElsewhere(ctx context.Context, e event) {
	if FromContext(ctx) != nil {
		return // in the background
	}
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddEvent(e.name(), trace.WithAttributes(e.attributes()...))
	}
}
