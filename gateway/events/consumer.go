package events

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"
)

const (
	defaultAckWait       = 30 * time.Second
	defaultMaxDeliveries = 10
	firstRedelivery      = time.Second
	lastRedelivery       = time.Minute
	// mostAhead is how many messages a process holds that it has not begun with.
	mostAhead = 16
	// mostPending is how many messages a consumer has under way in all processes.
	mostPending = 256
)

// ConsumerOptions are what handles events.
type ConsumerOptions struct {
	// Stream is the stream's name. It must not be there yet. Required.
	Stream string
	// Durable names the consumer's place in the stream, which all processes of that name
	// share: each event goes to one of them. A new one begins with what is stored from
	// then on. Letters, digits, "-" and "_". Required.
	Durable string
	// Subjects are which events; they must not overlap. Default: all.
	Subjects []string
	// Handle handles one event, as often as it is delivered: at least once. Its context
	// ends before the event would be delivered to another. An error has it delivered
	// again after a while that doubles from 1 s to 1 m, up to MaxDeliveries; that of
	// [Permanent] does not. What was not handled becomes a dead letter. Required.
	Handle func(context.Context, Message) error
	// MaxDeliveries is how often an event is delivered. Default 10.
	MaxDeliveries int
	// Patient has an event delivered until it is handled or its error is permanent.
	Patient bool
	// AckWait is how long a delivery may take. Default 30 s.
	AckWait time.Duration
	// TracerProvider makes a span for each delivery whose publisher's was sampled. Nil:
	// none.
	TracerProvider trace.TracerProvider
}

func (o ConsumerOptions) validate() error {
	if o.Stream == "" || o.Durable == "" || o.Handle == nil {
		return errors.New("events: a consumer needs Stream, Durable and Handle")
	}
	if o.MaxDeliveries < 0 || o.AckWait < 0 {
		return errors.New("events: a consumer has no negative MaxDeliveries or AckWait")
	}
	return nil
}

func (o ConsumerOptions) completed() ConsumerOptions {
	if o.MaxDeliveries == 0 {
		o.MaxDeliveries = defaultMaxDeliveries
	}
	if o.AckWait == 0 {
		o.AckWait = defaultAckWait
	}
	return o
}

// Permanent marks an error that no other delivery would mend.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Consumer handles events, one after the other in this process.
type Consumer struct {
	conn *Conn
	opts ConsumerOptions
	done chan struct{}
	end  context.CancelFunc
}

// NewConsumer begins to consume, at once or when the log is there, until Close.
func NewConsumer(conn *Conn, o ConsumerOptions) (*Consumer, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	handle, spans := o.Handle, newSpans(o.TracerProvider, o.Stream)
	o.Handle = func(ctx context.Context, m Message) error {
		ctx, span := spans.process(ctx, m)
		defer span.End()
		return handle(ctx, m)
	}
	ctx, end := context.WithCancel(context.Background())
	c := &Consumer{conn: conn, opts: o.completed(), done: make(chan struct{}), end: end}
	go func() {
		defer close(c.done)
		conn.keep(ctx, o.Stream, func(ctx context.Context) error {
			consumer, err := c.ensure(ctx)
			if err != nil {
				return err
			}
			return c.run(ctx, consumer)
		})
	}()
	return c, nil
}

// Close drains it: what is being handled is finished, and what was not begun with goes
// to another process at once, or to the next one of the name.
func (c *Consumer) Close() error {
	c.end()
	<-c.done
	return nil
}

// ensure makes the consumer's place, or finds it.
func (c *Consumer) ensure(ctx context.Context) (jetstream.Consumer, error) {
	return c.conn.js.CreateOrUpdateConsumer(ctx, c.opts.Stream, jetstream.ConsumerConfig{
		Durable: c.opts.Durable, FilterSubjects: c.opts.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.opts.AckWait, MaxDeliver: -1, MaxAckPending: mostPending,
		DeliverPolicy: jetstream.DeliverNewPolicy,
	})
}

func (c *Consumer) run(ctx context.Context, consumer jetstream.Consumer) error {
	messages, err := consumer.Messages(jetstream.PullMaxMessages(mostAhead), jetstream.PullExpiry(pullTime), jetstream.PullHeartbeat(heartbeat))
	if err != nil {
		return err
	}
	defer giveBack(messages)
	for {
		next, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			_ = next.Nak()
			return ctx.Err()
		}
		c.deliver(ctx, next)
	}
}

// giveBack lets others have what was fetched and not begun with.
func giveBack(messages jetstream.MessagesContext) {
	messages.Drain()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			break
		}
		_ = m.Nak()
	}
	messages.Stop()
}

// deliver handles a message and says so. What cannot be said has it delivered again.
func (c *Consumer) deliver(ctx context.Context, delivered jetstream.Msg) {
	m, _, err := messageOf(delivered)
	if err != nil {
		return
	}
	if of := m.Header.Get(replayFor); of != "" && of != c.opts.Durable {
		_ = delivered.Ack()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.AckWait*3/4)
	defer cancel()
	err = c.opts.Handle(ctx, m)
	if err == nil {
		_ = delivered.Ack()
		return
	}
	_, final := errors.AsType[permanent](err)
	if !final && (c.opts.Patient || m.Deliveries < c.opts.MaxDeliveries) {
		_ = delivered.NakWithDelay(redelivery(m.Deliveries))
		return
	}
	if buryErr := c.bury(ctx, m, err); buryErr != nil {
		c.conn.logger.Warn("an event could not become a dead letter: it is delivered again", "subject", m.Subject, "id", m.ID, "error", buryErr)
		_ = delivered.NakWithDelay(redelivery(m.Deliveries))
		return
	}
	c.conn.logger.Error("an event was not handled: it is a dead letter", "consumer", c.opts.Durable, "subject", m.Subject, "id", m.ID, "error", err)
	_ = delivered.TermWithReason("dead letter")
}

func redelivery(deliveries int) time.Duration {
	wait := firstRedelivery
	for ; deliveries > 1 && wait < lastRedelivery; deliveries-- {
		wait *= 2
	}
	return min(wait, lastRedelivery)
}
