package annotation

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// The defaults of streams.
const (
	defaultHeartbeat    = 30 * time.Second
	defaultStreamRetry  = 2 * time.Second
	defaultBufferBytes  = 64 << 10
	defaultMessageBytes = 64 << 10
	defaultPerSecond    = 10
	defaultPerPrincipal = 16
	defaultPerAddress   = 256
)

func (d *decoder) stream(s *policyv1.Stream) *policy.Stream {
	if s == nil || s.GetDisabled() {
		return nil
	}
	read := &policy.Stream{
		Path:            s.GetPath(),
		TicketPath:      s.GetTicketPath(),
		Heartbeat:       d.duration("stream.heartbeat", s.Heartbeat, defaultHeartbeat),
		ResumeField:     s.GetResumeField(),
		IDField:         s.GetIdField(),
		EventField:      s.GetEventField(),
		Retry:           d.duration("stream.retry", s.Retry, defaultStreamRetry),
		BufferBytes:     number64(s.BufferBytes, defaultBufferBytes),
		MaxPerPrincipal: number(s.MaxPerPrincipal, defaultPerPrincipal),
		MaxPerAddress:   number(s.MaxPerAddress, defaultPerAddress),
	}
	switch s.GetSlowConsumer() {
	case policyv1.Stream_SLOW_CONSUMER_DROP_OLDEST:
		read.SlowConsumer = policy.SlowDropsOldest
	case policyv1.Stream_SLOW_CONSUMER_DISCONNECT:
		read.SlowConsumer = policy.SlowEnds
	}
	if read.SlowConsumer == policy.SlowWaits && s.BufferBytes != nil {
		d.fault("stream.buffer_bytes", "nothing waits for a client that is slow", "remove it, or write slow_consumer")
	}
	if read.Path == "" {
		d.withoutSockets(s)
		return read
	}
	read.MaxMessageBytes = number64(s.MaxMessageBytes, defaultMessageBytes)
	read.MaxReceivedBytes = optionalNumber(d, "stream.max_received_bytes", s.MaxReceivedBytes, 1<<30)
	read.MessagesPerSecond = number(s.MessagesPerSecond, defaultPerSecond)
	read.Compression = s.GetCompression()
	return read
}

// withoutSockets refuses what is of WebSockets where there are none.
func (d *decoder) withoutSockets(s *policyv1.Stream) {
	inOrder(s.ProtoReflect(), func(field protoreflect.FieldDescriptor, _ protoreflect.Value) {
		switch field.Name() {
		case "max_message_bytes", "max_received_bytes", "messages_per_second", "compression", "ticket_path":
			d.fault("stream."+string(field.Name()), "it is of WebSockets, which have no path", `write one, such as "/v1/orders:watch", or remove this`)
		}
	})
}

func encodeStream(s *policy.Stream) *policyv1.Stream {
	if s == nil {
		return nil
	}
	p := &policyv1.Stream{
		Path:            set(s.Path),
		TicketPath:      set(s.TicketPath),
		Heartbeat:       new(s.Heartbeat.String()),
		ResumeField:     set(s.ResumeField),
		IdField:         set(s.IDField),
		EventField:      set(s.EventField),
		Retry:           new(s.Retry.String()),
		SlowConsumer:    policyv1.Stream_SLOW_CONSUMER_WAIT.Enum(),
		MaxPerPrincipal: number32(s.MaxPerPrincipal),
		MaxPerAddress:   number32(s.MaxPerAddress),
		Mode:            mode(false),
	}
	switch s.SlowConsumer {
	case policy.SlowDropsOldest:
		p.SlowConsumer = policyv1.Stream_SLOW_CONSUMER_DROP_OLDEST.Enum()
	case policy.SlowEnds:
		p.SlowConsumer = policyv1.Stream_SLOW_CONSUMER_DISCONNECT.Enum()
	}
	if s.SlowConsumer != policy.SlowWaits {
		p.BufferBytes = new(s.BufferBytes)
	}
	if s.Path != "" {
		p.MaxMessageBytes = new(s.MaxMessageBytes)
		p.MaxReceivedBytes = set(s.MaxReceivedBytes)
		p.MessagesPerSecond = number32(s.MessagesPerSecond)
		p.Compression = set(s.Compression)
	}
	return p
}
