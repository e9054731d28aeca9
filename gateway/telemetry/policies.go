package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

const (
	policyKey      = attribute.Key("venta.policy.name")
	wouldKey       = attribute.Key("venta.policy.would")
	criticalityKey = attribute.Key("venta.concurrency.criticality")
	storeKey       = attribute.Key("venta.store.name")
	eventKey       = attribute.Key("venta.event")
	deliveryKey    = attribute.Key("venta.webhook.outcome")
)

type (
	shadowed   struct{ method, policy, would string }
	shed       struct{ method, criticality string }
	cacheEvent struct{ method, event string }
	storeEvent struct{ store, event string }
	delivery   struct{ method, outcome string }
)

// policyCounters count what policies decide beside the requests' own outcomes.
type policyCounters struct {
	shadowed counters[shadowed]
	shed     counters[shed]
	cache    counters[cacheEvent]
	stores   counters[storeEvent]
	webhooks counters[delivery]
}

func newPolicyCounters() policyCounters {
	return policyCounters{
		shadowed: newCounters(shadowed.attributes),
		shed:     newCounters(shed.attributes),
		cache:    newCounters(cacheEvent.attributes),
		stores:   newCounters(storeEvent.attributes),
		webhooks: newCounters(delivery.attributes),
	}
}

func (p *policyCounters) register(to *instrument.Maker) {
	to.Counter(instrument.PolicyShadow, p.shadowed.observe)
	to.Counter(instrument.ConcurrencyShed, p.shed.observe)
	to.Counter(instrument.StoreEvents, p.stores.observe)
	to.Counter(instrument.CacheEvents, p.cache.observe)
	to.Counter(instrument.WebhookDeliveries, p.webhooks.observe)
}

// Shadow counts what a policy in shadow mode, such as "timeout", would have done
// to a call of an RPC, such as "exceed".
func (m *Metrics) Shadow(fullMethod, policy, would string) {
	if m != nil {
		m.policies.shadowed.of(shadowed{fullMethod, policy, would}).Add(1)
	}
}

// Shed counts a call of an RPC that was shed, by its criticality.
func (m *Metrics) Shed(fullMethod, criticality string) {
	if m != nil {
		m.policies.shed.of(shed{fullMethod, criticality}).Add(1)
	}
}

// CacheEvent counts what happened to a request of a cached RPC beside its
// outcome, such as "key_too_large".
func (m *Metrics) CacheEvent(fullMethod, event string) {
	if m != nil {
		m.policies.cache.of(cacheEvent{fullMethod, event}).Add(1)
	}
}

// Webhook counts a delivery to an RPC by what became of it, such as "accepted".
func (m *Metrics) Webhook(fullMethod, outcome string) {
	if m != nil {
		m.policies.webhooks.of(delivery{fullMethod, outcome}).Add(1)
	}
}

// StoreEvent counts an event of a shared store, such as "failed" of
// "rate_limits".
func (m *Metrics) StoreEvent(store, event string) {
	if m != nil {
		m.policies.stores.of(storeEvent{store, event}).Add(1)
	}
}

func (s shadowed) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), policyKey.String(s.policy), wouldKey.String(s.would)}
}

func (s shed) attributes() []attribute.KeyValue {
	criticality := s.criticality
	if criticality == "" {
		criticality = "default"
	}
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), criticalityKey.String(criticality)}
}

func (c cacheEvent) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(c.method)), eventKey.String(c.event)}
}

func (s storeEvent) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{storeKey.String(s.store), eventKey.String(s.event)}
}

func (d delivery) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(d.method)), deliveryKey.String(d.outcome)}
}
