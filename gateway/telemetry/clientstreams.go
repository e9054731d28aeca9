package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

const (
	streamAsKey        = attribute.Key("venta.client_stream.protocol")
	streamDirectionKey = attribute.Key("network.io.direction")
	streamEndKey       = attribute.Key("venta.client_stream.end")
)

type (
	clientStream struct{ method, as string }
	clientFlow   struct{ method, as, direction string }
	clientEnded  struct{ method, as, end string }
)

// clientStreams count what streams of browsers pass.
type clientStreams struct {
	open     counters[clientStream]
	messages counters[clientFlow]
	bytes    counters[clientFlow]
	dropped  counters[clientStream]
	ends     counters[clientEnded]
}

func newClientStreams() clientStreams {
	return clientStreams{
		open:     newCounters(clientStream.attributes),
		messages: newCounters(clientFlow.attributes),
		bytes:    newCounters(clientFlow.attributes),
		dropped:  newCounters(clientStream.attributes),
		ends:     newCounters(clientEnded.attributes),
	}
}

func (s *clientStreams) register(to *instrument.Maker) {
	to.UpDownCounter(instrument.ClientStreams, s.open.observe)
	to.Counter(instrument.ClientStreamMessages, s.messages.observe)
	to.Counter(instrument.ClientStreamBytes, s.bytes.observe)
	to.Counter(instrument.ClientStreamDropped, s.dropped.observe)
	to.Counter(instrument.ClientStreamEnds, s.ends.observe)
}

// Stream observes one stream of an RPC. It is made by [Metrics.Stream]; nil counts
// nothing.
type Stream struct {
	counters                *clientStreams
	name                    clientStream
	open                    *count
	sent, sentBytes         *count
	received, receivedBytes *count
}

// Stream counts a stream as open that is presented as "sse" or "websocket".
func (m *Metrics) Stream(fullMethod, as string) *Stream {
	if m == nil {
		return nil
	}
	c, name := &m.clients, clientStream{fullMethod, as}
	out, in := clientFlow{fullMethod, as, "transmit"}, clientFlow{fullMethod, as, "receive"}
	s := &Stream{
		counters: c, name: name, open: c.open.of(name),
		sent: c.messages.of(out), sentBytes: c.bytes.of(out), received: c.messages.of(in), receivedBytes: c.bytes.of(in),
	}
	s.open.Add(1)
	return s
}

// Sent counts a message to the client.
func (s *Stream) Sent(bytes int) {
	if s != nil {
		s.sent.Add(1)
		s.sentBytes.Add(int64(bytes))
	}
}

// Received counts a message of the client.
func (s *Stream) Received(bytes int) {
	if s != nil {
		s.received.Add(1)
		s.receivedBytes.Add(int64(bytes))
	}
}

// Dropped counts messages that a slow client has lost.
func (s *Stream) Dropped(messages int) {
	if s != nil {
		s.counters.dropped.of(s.name).Add(int64(messages))
	}
}

// Ended counts the end of the stream, once, by why: a gRPC status or "CLIENT".
func (s *Stream) Ended(why string) {
	if s != nil {
		s.open.Add(-1)
		s.counters.ends.of(clientEnded{s.name.method, s.name.as, why}).Add(1)
	}
}

func (s clientStream) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), streamAsKey.String(s.as)}
}

func (s clientFlow) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), streamAsKey.String(s.as), streamDirectionKey.String(s.direction)}
}

func (s clientEnded) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(s.method)), streamAsKey.String(s.as), streamEndKey.String(s.end)}
}
