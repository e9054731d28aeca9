package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The headers of dead letters and of what is replayed.
const (
	originalID     = "Venta-Message-Id"
	deadSubject    = "Venta-Dead-Subject"
	deadConsumer   = "Venta-Dead-Consumer"
	deadSequence   = "Venta-Dead-Sequence"
	deadDeliveries = "Venta-Dead-Deliveries"
	deadReason     = "Venta-Dead-Reason"
	replayFor      = "Venta-Replay-For"
)

const (
	deadAge      = 30 * 24 * time.Hour
	deadBytes    = 256 << 20
	mostReason   = 512
	reservedName = "Nats-"
)

// deadStream is the name of a stream's dead letters, and deadSubjectOf where those of a
// consumer go.
func deadStream(stream string) string { return stream + "_DEAD" }

func deadSubjectOf(stream, consumer string) string { return "dead." + stream + "." + consumer }

// bury makes a message a dead letter. Done twice it is one.
func (c *Consumer) bury(ctx context.Context, m Message, why error) error {
	letter := &nats.Msg{Subject: deadSubjectOf(c.opts.Stream, c.opts.Durable), Data: m.Data, Header: kept(m.Header)}
	letter.Header.Set(originalID, m.ID)
	letter.Header.Set(deadSubject, m.Subject)
	letter.Header.Set(deadConsumer, c.opts.Durable)
	letter.Header.Set(deadSequence, strconv.FormatUint(m.Sequence, 10))
	letter.Header.Set(deadDeliveries, strconv.Itoa(m.Deliveries))
	letter.Header.Set(deadReason, oneLine(why.Error()))
	id := jetstream.WithMsgID(fmt.Sprintf("dead:%s:%d", c.opts.Durable, m.Sequence))
	_, err := c.conn.js.PublishMsg(ctx, letter, id)
	if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
		return err
	}
	if err := c.makeDeadStream(ctx); err != nil {
		return err
	}
	_, err = c.conn.js.PublishMsg(ctx, letter, id)
	return err
}

func (c *Consumer) makeDeadStream(ctx context.Context) error {
	of, err := c.conn.js.Stream(ctx, c.opts.Stream)
	if err != nil {
		return err
	}
	_, err = c.conn.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: deadStream(c.opts.Stream), Subjects: []string{deadSubjectOf(c.opts.Stream, "*")},
		Description: "events of " + c.opts.Stream + " that a consumer could not handle",
		MaxAge:      deadAge, MaxBytes: deadBytes, Storage: jetstream.FileStorage,
		Replicas: of.CachedInfo().Config.Replicas,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}

// kept are a message's headers without those that mean something to the server.
func kept(header nats.Header) nats.Header {
	all := nats.Header{}
	for name, values := range header {
		if !strings.HasPrefix(name, reservedName) && name != replayFor {
			all[name] = values
		}
	}
	return all
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), mostReason)]
}

// DeadLetters are the events of a stream that a consumer could not handle. They are
// kept for 30 days.
type DeadLetters struct {
	conn   *Conn
	stream string
}

// DeadLetters returns those of a stream.
func (c *Conn) DeadLetters(stream string) *DeadLetters { return &DeadLetters{c, stream} }

// DeadLetter is one of them.
type DeadLetter struct {
	// Number names it, for [DeadLetters.Replay].
	Number uint64
	// Consumer could not handle it.
	Consumer string
	// Subject, ID, Sequence and Data are those of the event.
	Subject, ID string
	Sequence    uint64
	Data        []byte
	// Deliveries is how often it was tried, and Reason the last error.
	Deliveries int
	Reason     string
	// At is when it was given up.
	At time.Time

	header nats.Header
}

// List returns up to limit of them, the oldest first, from a number on.
func (d *DeadLetters) List(ctx context.Context, from uint64, limit int) ([]DeadLetter, error) {
	stream, err := d.open(ctx)
	if stream == nil {
		return nil, err
	}
	var all []DeadLetter
	for next := max(from, 1); len(all) < limit; {
		m, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(deadSubjectOf(d.stream, "*")))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("events: reading dead letters: %w", err)
		}
		all = append(all, letterOf(m))
		next = m.Sequence + 1
	}
	return all, nil
}

// open returns nil where there was never a dead letter.
func (d *DeadLetters) open(ctx context.Context) (jetstream.Stream, error) {
	stream, err := d.conn.js.Stream(ctx, deadStream(d.stream))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("events: looking for dead letters: %w", err)
	}
	return stream, nil
}

func letterOf(m *jetstream.RawStreamMsg) DeadLetter {
	number := func(name string) uint64 {
		n, _ := strconv.ParseUint(m.Header.Get(name), 10, 64)
		return n
	}
	return DeadLetter{
		Number: m.Sequence, Consumer: m.Header.Get(deadConsumer), Subject: m.Header.Get(deadSubject), ID: m.Header.Get(originalID),
		Sequence: number(deadSequence), Data: m.Data, Deliveries: int(number(deadDeliveries)),
		Reason: m.Header.Get(deadReason), At: m.Time, header: m.Header,
	}
}

// Replay publishes one again and then forgets it. Consumers of this package handle it
// where it failed, and pass it by elsewhere; to others it is one more copy. Its order
// among other events is lost.
func (d *DeadLetters) Replay(ctx context.Context, letter DeadLetter) error {
	again := &nats.Msg{Subject: letter.Subject, Data: letter.Data, Header: kept(letter.header)}
	for _, name := range []string{deadSubject, deadConsumer, deadSequence, deadDeliveries, deadReason} {
		again.Header.Del(name)
	}
	again.Header.Set(replayFor, letter.Consumer)
	id := jetstream.WithMsgID(fmt.Sprintf("replay:%s:%d:%d", letter.Consumer, letter.Number, letter.At.UnixNano()))
	if _, err := d.conn.js.PublishMsg(ctx, again, id, jetstream.WithExpectStream(d.stream)); err != nil {
		return fmt.Errorf("events: replaying %d: %w", letter.Number, err)
	}
	stream, err := d.open(ctx)
	if err != nil || stream == nil {
		return err
	}
	if err := stream.DeleteMsg(ctx, letter.Number); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("events: %d is replayed and could not be removed: %w", letter.Number, err)
	}
	return nil
}
