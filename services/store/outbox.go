package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxTake is the most messages that [Outbox.Take] returns.
	MaxTake = 500
	// mostCounted bounds what [Outbox.Waiting] counts.
	mostCounted = 100_000

	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// Outbox holds the events that were written, each in the transaction of its change,
// and are not published yet. Every event is published at least once, those of one
// entity in the order of their changes.
//
// A publisher takes messages, publishes them one after the other, reports each
// outcome, and waits for [Outbox.Changed] or a second: other processes write, too,
// and some messages are due a little later.
// Several publishers, also of several processes, do not take the same messages. What
// one took and never reported comes back when its lease is over. While nothing can
// be published a publisher does best to take nothing.
type Outbox struct {
	store   *Store
	changed chan struct{}
}

// Message is an event that is to be published.
type Message struct {
	// Entity is what it is about, such as "vendor:0190...": messages of one keep
	// their order.
	Entity string
	// Subject is where it goes.
	Subject string
	// ID is the same each time that the message is taken, and in its payload.
	ID string
	// Payload is an [Envelope] in JSON.
	Payload []byte
	// TraceParent is the W3C traceparent of the call that made the change, or "".
	TraceParent string
	// CreatedAt is when it was written, UTC.
	CreatedAt time.Time
	// Attempts counts how often it was taken, this time included.
	Attempts int

	row int64
}

// Waiting is how much is to be published.
type Waiting struct {
	// Messages counts them, up to 100,000.
	Messages int
	// Since is when the oldest was written; zero where there is none.
	Since time.Time
}

func newOutbox(s *Store) *Outbox { return &Outbox{store: s, changed: make(chan struct{}, 1)} }

// Outbox returns the events that are to be published.
func (s *Store) Outbox() *Outbox { return s.outbox }

// Changed has a value after this process wrote an event. It is for one reader.
func (o *Outbox) Changed() <-chan struct{} { return o.changed }

func (o *Outbox) wake() {
	select {
	case o.changed <- struct{}{}:
	default: // it is known already
	}
}

// Take returns up to limit messages (1 to [MaxTake]) in the order in which they are
// to be published. Nobody else gets them before the lease is over, nor later ones of
// the same entities. A lease should be longer than all of them take.
func (o *Outbox) Take(ctx context.Context, limit int, lease time.Duration) ([]Message, error) {
	limit = min(max(limit, 1), MaxTake)
	// Who looks in vain does not queue with those who write.
	if waiting, err := o.count(ctx, 1); err != nil || waiting.Messages == 0 {
		return nil, err
	}
	var taken []Message
	err := o.store.change(ctx, "take from the outbox", func(ctx context.Context, c *change) error {
		// The rows of two who take at once could be of one entity.
		if err := c.hold(ctx, c.engine.lockOutbox); err != nil {
			return err
		}
		c.now = now() // the wait for the others is over
		var err error
		if taken, err = c.ready(ctx, limit); err != nil || len(taken) == 0 {
			return err
		}
		_, err = c.ExecContext(ctx, leaseEvents+listed(taken), c.now+lease.Microseconds())
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// ready returns what can be published now.
func (c *change) ready(ctx context.Context, limit int) ([]Message, error) {
	rows, err := c.QueryContext(ctx, selectEvents+c.engine.skipLocked, c.now, limit)
	found, err := collect(rows, err, scanMessage)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	// One that somebody is changing was passed by: those after it must be, too.
	numbers := listed(found)
	rows, err = c.QueryContext(ctx, selectAfterPassed(numbers))
	late, err := collect(rows, err, func(r row) (number int64, err error) { return number, r.Scan(&number) })
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(m Message) bool { return slices.Contains(late, m.row) }), nil
}

// Published forgets messages that were published.
func (o *Outbox) Published(ctx context.Context, messages ...Message) error {
	if len(messages) == 0 {
		return nil
	}
	return o.store.change(ctx, "forget what was published", func(ctx context.Context, c *change) error {
		_, err := c.ExecContext(ctx, deleteEvents+listed(messages))
		return err
	})
}

// Failed gives back a message that could not be published, and with it the later
// ones of its entity, which must not be published before it. They can be taken again
// after a while that doubles with each attempt, from 1 s to 1 m.
func (o *Outbox) Failed(ctx context.Context, m Message) error {
	return o.store.change(ctx, "give back what was not published", func(ctx context.Context, c *change) error {
		_, err := c.ExecContext(ctx, delayEvents, m.Entity, m.row, c.now+backoff(m.Attempts).Microseconds())
		return err
	})
}

// Waiting tells how much is to be published, for metrics and health.
func (o *Outbox) Waiting(ctx context.Context) (Waiting, error) { return o.count(ctx, mostCounted) }

func (o *Outbox) count(ctx context.Context, most int) (Waiting, error) {
	var w Waiting
	err := o.store.look(ctx, "look at the outbox", func(ctx context.Context) error {
		var since sql.NullInt64
		err := o.store.read.QueryRowContext(ctx, countEvents, most).Scan(&w.Messages, &since)
		if since.Valid {
			w.Since = time.UnixMicro(since.Int64).UTC()
		}
		return err
	})
	return w, err
}

func backoff(attempts int) time.Duration {
	wait := firstBackoff
	for ; attempts > 1 && wait < maxBackoff; attempts-- {
		wait *= 2
	}
	return min(wait, maxBackoff)
}

func scanMessage(r row) (Message, error) {
	var m Message
	var created int64
	err := r.Scan(&m.row, &m.Entity, &m.Subject, &m.ID, &m.Payload, &m.TraceParent, &created, &m.Attempts)
	m.CreatedAt = time.UnixMicro(created).UTC()
	m.Attempts++
	return m, err
}

// listed is the end of a statement about messages: their numbers.
func listed(messages []Message) string {
	rows := make([]string, len(messages))
	for i, m := range messages {
		rows[i] = strconv.FormatInt(m.row, 10)
	}
	return "(" + strings.Join(rows, ", ") + ")"
}
