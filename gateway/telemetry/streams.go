package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

// directionKey is where the messages of streams go, as the gateway sees it.
const directionKey = attribute.Key("venta.stream.direction")

type (
	streamed      struct{ method string }
	streamMessage struct{ method, direction string }
)

// streamCounters count streams, and what they carry.
type streamCounters struct {
	active, opened counters[streamed]
	messages       counters[streamMessage]
}

func newStreamCounters() streamCounters {
	return streamCounters{newCounters(streamed.attributes), newCounters(streamed.attributes), newCounters(streamMessage.attributes)}
}

func (s *streamCounters) register(to *instrument.Maker) {
	to.UpDownCounter(instrument.StreamsActive, s.active.observe)
	to.Counter(instrument.StreamsOpened, s.opened.observe)
	to.Counter(instrument.StreamMessages, s.messages.observe)
}

// streamCounts are those of one stream; nil where nobody counts.
type streamCounts struct{ active, received, sent *count }

// stream counts a stream that begins.
func (m *Metrics) stream(fullMethod string) streamCounts {
	if m == nil {
		return streamCounts{}
	}
	of := streamed{fullMethod}
	m.streams.opened.of(of).Add(1)
	counts := streamCounts{
		active: m.streams.active.of(of), received: m.streams.messages.of(streamMessage{fullMethod, "received"}),
		sent: m.streams.messages.of(streamMessage{fullMethod, "sent"}),
	}
	counts.active.add(1)
	return counts
}

// add does nothing where nobody counts.
func (c *count) add(n int64) {
	if c != nil {
		c.Add(n)
	}
}

func (s streamed) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method))}
}

func (s streamMessage) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), directionKey.String(s.direction)}
}
