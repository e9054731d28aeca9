package events

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is an event as it was delivered. It must not be changed.
type Message struct {
	// Subject is where it was published.
	Subject string
	// ID is the same for each delivery and each copy of it, where its publisher gave it
	// one (Nats-Msg-Id); else "".
	ID string
	// Data is its payload.
	Data []byte
	// Header are its headers.
	Header nats.Header
	// Sequence is its number in the stream.
	Sequence uint64
	// StoredAt is when the stream got it.
	StoredAt time.Time
	// Deliveries counts how often this consumer got it, this time included.
	Deliveries int
}

// messageOf fails for what no stream has delivered.
func messageOf(m jetstream.Msg) (Message, *jetstream.MsgMetadata, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, nil, err
	}
	header := m.Headers()
	id := header.Get(originalID)
	if id == "" {
		id = header.Get(jetstream.MsgIDHeader)
	}
	return Message{
		Subject: m.Subject(), ID: id, Data: m.Data(), Header: header,
		Sequence: meta.Sequence.Stream, StoredAt: meta.Timestamp, Deliveries: int(meta.NumDelivered),
	}, meta, nil
}
