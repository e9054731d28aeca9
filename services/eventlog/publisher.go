package eventlog

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/services/store"
)

const (
	// batch is how many events are taken at once.
	batch = 200
	// lease is for how long they are this process's; what is not begun with in the
	// first half of it is left to come back.
	lease = 30 * time.Second
	// ackTime is how long the stream may take to confirm an event.
	ackTime = 5 * time.Second
	// look is how often the outbox is looked at without a sign: of other processes
	// there is none, and some events wait for a second.
	look = time.Second
	// lastTime is for what was written last, when the process ends.
	lastTime = 2 * time.Second
)

// Outbox is what [store.Outbox] has.
type Outbox interface {
	Changed() <-chan struct{}
	Take(ctx context.Context, limit int, lease time.Duration) ([]store.Message, error)
	Published(ctx context.Context, messages ...store.Message) error
	Failed(ctx context.Context, m store.Message) error
	Waiting(ctx context.Context) (store.Waiting, error)
}

// Options are what publishes where.
type Options struct {
	Outbox Outbox
	// Events is where the log is, and Stream its stream, which is made unless it is
	// there.
	Events events.Options
	Stream string
	Logger *slog.Logger
	// TracerProvider makes a span for each event of a call that was sampled. Nil: none.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
}

// Publisher publishes what is written to the outbox: each event at least once, those of
// an entity one after the other. While the log is away it takes nothing.
type Publisher struct {
	opts   Options
	conn   *events.Conn
	spans  spans
	meters *meters
	ready  bool // the stream is there
	end    context.CancelFunc
	done   chan struct{}
}

// Start begins to publish, at once or when the log is there, until Close.
func Start(o Options) (*Publisher, error) {
	conn, err := events.Connect(o.Events)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	p := &Publisher{opts: o, conn: conn, spans: newSpans(o.TracerProvider), end: end, done: make(chan struct{})}
	if p.meters, err = observe(o.MeterProvider, o.Outbox); err != nil {
		end()
		return nil, errors.Join(err, conn.Close(ctx))
	}
	go func() {
		defer close(p.done)
		p.run(ctx)
	}()
	return p, nil
}

// Close publishes what was written last, for 2 s at most, sees that the log has it, and
// disconnects. What is left waits in the outbox.
func (p *Publisher) Close() error {
	p.end()
	<-p.done
	ctx, cancel := context.WithTimeout(context.Background(), lastTime)
	defer cancel()
	p.drain(ctx)
	return errors.Join(p.meters.close(), p.conn.Close(ctx))
}

func (p *Publisher) run(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		p.drain(ctx)
		select {
		case <-p.opts.Outbox.Changed():
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain publishes until nothing is left that is due, or something fails.
func (p *Publisher) drain(ctx context.Context) {
	for ctx.Err() == nil && p.conn.Connected() && p.prepared(ctx) {
		began := time.Now() // before the lease
		taken, err := p.opts.Outbox.Take(ctx, batch, lease)
		if err != nil {
			p.warn(ctx, "the outbox cannot be read for now", err)
			return
		}
		if len(taken) == 0 {
			return
		}
		if !p.publish(ctx, taken, began.Add(lease/2)) {
			return
		}
	}
}

// prepared tells whether there is a stream.
func (p *Publisher) prepared(ctx context.Context) bool {
	if p.ready {
		return true
	}
	if err := ensure(ctx, p.conn.JetStream(), p.opts.Stream); err != nil {
		p.warn(ctx, "the stream of events cannot be made for now", err)
		return false
	}
	p.ready = true
	return true
}

func (p *Publisher) warn(ctx context.Context, text string, err error) {
	if ctx.Err() == nil {
		p.opts.Logger.Warn(text, "error", err)
	}
}

// publish publishes messages in waves that have one of each entity, so that none
// overtakes another, and reports whether all are published.
func (p *Publisher) publish(ctx context.Context, taken []store.Message, until time.Time) bool {
	// What was begun is finished: the end of the process waits for it.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	complete := true
	for len(taken) > 0 && ctx.Err() == nil {
		wave, rest := split(taken)
		published, failed := p.send(ctx, wave)
		if err := p.opts.Outbox.Published(ctx, published...); err != nil {
			// They come back when the lease is over, and have the same ids.
			p.warn(ctx, "the outbox does not forget what is published", err)
			return false
		}
		for _, m := range failed {
			complete = false
			rest = without(rest, m.Entity)
			if err := p.opts.Outbox.Failed(ctx, m); err != nil {
				p.warn(ctx, "the outbox does not take back what is not published", err)
			}
		}
		taken = rest
	}
	return complete && len(taken) == 0
}

// split returns the first message of each entity, and the others.
func split(taken []store.Message) (wave, rest []store.Message) {
	seen := map[string]bool{}
	for _, m := range taken {
		if seen[m.Entity] {
			rest = append(rest, m)
			continue
		}
		seen[m.Entity] = true
		wave = append(wave, m)
	}
	return wave, rest
}

func without(messages []store.Message, entity string) []store.Message {
	var kept []store.Message
	for _, m := range messages {
		if m.Entity != entity {
			kept = append(kept, m)
		}
	}
	return kept
}

// send publishes the messages at once and waits for the stream to confirm them.
func (p *Publisher) send(ctx context.Context, wave []store.Message) (published, failed []store.Message) {
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	results := make([]<-chan error, len(wave))
	for i, m := range wave {
		results[i] = p.sendOne(ctx, m)
	}
	var last error
	for i, m := range wave {
		if err := <-results[i]; err != nil {
			failed, last = append(failed, m), err
			continue
		}
		published = append(published, m)
	}
	p.meters.count(len(published), len(failed))
	if last != nil {
		p.ready = false // the stream may have gone
		p.opts.Logger.Warn("events are not published for now", "events", len(failed), "error", last)
	}
	return published, failed
}

// sendOne returns where the outcome will be.
func (p *Publisher) sendOne(ctx context.Context, m store.Message) <-chan error {
	result := make(chan error, 1)
	ctx, span := p.spans.send(ctx, m)
	message := &nats.Msg{Subject: m.Subject, Data: m.Payload, Header: nats.Header{"Content-Type": {"application/json"}}}
	events.Inject(ctx, message.Header)
	confirmed, err := p.conn.JetStream().PublishMsgAsync(message, jetstream.WithMsgID(m.ID), jetstream.WithExpectStream(p.opts.Stream))
	if err != nil {
		ended(span, err)
		result <- err
		return result
	}
	go func() {
		var err error
		select {
		case <-confirmed.Ok():
		case err = <-confirmed.Err():
		case <-ctx.Done():
			err = ctx.Err()
		}
		ended(span, err)
		result <- err
	}()
	return result
}
