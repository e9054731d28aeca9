package telemetry

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// What policies decide about a request becomes events of its span. The names and
// attributes are in docs/observability.md.

const (
	reasonKey  = attribute.Key("venta.refused.reason")
	attemptKey = attribute.Key("venta.retry.attempt")
	addressKey = attribute.Key("venta.upstream.address")
)

// event is one decision.
type event struct {
	kind   eventKind
	at     time.Duration // since the request's start
	values [4]string     // of the kind's attributes; "": it has none
}

type eventKind uint8

const (
	eventCache eventKind = iota
	eventRefused
	eventShadow
	eventRetry
	eventTransition
)

var eventKinds = [...]struct {
	name string
	keys [4]attribute.Key
}{
	eventCache:      {"venta.cache", [4]attribute.Key{cacheKey}},
	eventRefused:    {"venta.refused", [4]attribute.Key{policyKey, reasonKey, limitKey}},
	eventShadow:     {"venta.policy.shadow", [4]attribute.Key{policyKey, wouldKey, limitKey}},
	eventRetry:      {"venta.retry", [4]attribute.Key{attemptKey, verdictKey}},
	eventTransition: {"venta.circuit_breaker.transition", [4]attribute.Key{breakerKey, fromStateKey, stateKey, addressKey}},
}

func (e event) name() string { return eventKinds[e.kind].name }

func (e event) attributes() []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(e.values))
	for i, value := range e.values {
		if value != "" {
			all = append(all, eventKinds[e.kind].keys[i].String(value))
		}
	}
	return all
}

func cacheEventOf(o cacheOutcome) event {
	return event{kind: eventCache, at: o.at, values: [4]string{o.text}}
}

// allEvents returns what was decided, in order. The record must be closed.
func (r *record) allEvents() []event {
	all := slices.Clip(r.events)
	if r.cache.text != "" {
		all = append(all, cacheEventOf(r.cache))
	}
	if r.failure.policy != "" {
		all = append(all, r.failure.event(r.limit))
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return all
}
