package telemetry

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
)

// What policies decide about a request becomes events of its span: of one that is
// made now, and, where requests are traced afterwards, of one that may be. The names
// and attributes are in docs/observability.md. One request has 32 of them at most.

const (
	cacheEventName      = "venta.cache"
	refusedEventName    = "venta.refused"
	shadowEventName     = "venta.policy.shadow"
	retryEventName      = "venta.retry"
	transitionEventName = "venta.circuit_breaker.transition"

	reasonKey  = attribute.Key("venta.refused.reason")
	attemptKey = attribute.Key("venta.retry.attempt")
)

// event is one decision.
type event struct {
	at    time.Time
	name  string
	pairs [3]pair // those with a value
}

type pair struct {
	key   attribute.Key
	value string
}

func (e event) attributes() []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(e.pairs))
	for _, one := range e.pairs {
		if one.value != "" {
			all = append(all, one.key.String(one.value))
		}
	}
	return all
}

func cacheEventOf(o cacheOutcome) event {
	return event{at: o.at, name: cacheEventName, pairs: [3]pair{{cacheKey, o.text}}}
}

// CacheOutcome tells how the cache served the request of the context.
func CacheOutcome(ctx context.Context, outcome string) {
	span, q := trace.SpanFromContext(ctx), FromContext(ctx)
	switch {
	case span.IsRecording():
		if q == nil || q.record.room() {
			span.AddEvent(cacheEventName, trace.WithAttributes(cacheKey.String(outcome)))
		}
	case q.remembers():
		q.record.keepOutcome(outcome)
	}
}

// Refused tells that a block of the policy has refused the request of the context,
// and the reason that the client reads. detail is which of several, such as the name
// of a rate limit, or "".
func Refused(ctx context.Context, block, reason, detail string) {
	note(ctx, event{name: refusedEventName, pairs: [3]pair{{policyKey, block}, {reasonKey, reason}, {limitKey, detail}}})
}

// Shadowed tells what a block in shadow mode would have done to the request of the
// context.
func Shadowed(ctx context.Context, block, would string) {
	note(ctx, event{name: shadowEventName, pairs: [3]pair{{policyKey, block}, {wouldKey, would}}})
}

// Retried tells what followed from an attempt, by its number.
func Retried(ctx context.Context, number int, verdict string) {
	note(ctx, event{name: retryEventName, pairs: [3]pair{{attemptKey, strconv.Itoa(number)}, {verdictKey, verdict}}})
}

// BreakerTurned tells of a transition that the call of the context has brought
// about.
func BreakerTurned(ctx context.Context, breaker, from, to string) {
	note(ctx, event{name: transitionEventName, pairs: [3]pair{{breakerKey, breaker}, {fromStateKey, from}, {stateKey, to}}})
}

// StreamEnded tells the code that a stream has ended with, which the response's
// status can no longer say.
func StreamEnded(ctx context.Context, code codes.Code) {
	if q := FromContext(ctx); q != nil {
		q.record.breakStream(code)
	}
}

// note adds an event to the span that records, or keeps it for one that may be
// written afterwards.
func note(ctx context.Context, e event) {
	span, q := trace.SpanFromContext(ctx), FromContext(ctx)
	recording := span.IsRecording()
	if !recording && !q.remembers() || q != nil && !q.record.room() {
		return
	}
	if recording {
		span.AddEvent(e.name, trace.WithAttributes(e.attributes()...))
		return
	}
	e.at = time.Now()
	q.record.keep(e)
}
