package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Outcome is what became of an event, for metrics.
type Outcome string

// The outcomes.
const (
	// Purged: its tags were purged.
	Purged Outcome = "purged"
	// Unreadable: it has not the values that the rule wants; nothing was purged.
	Unreadable Outcome = "unreadable"
	// Failed: not every process of the fleet has confirmed it; it is tried again.
	Failed Outcome = "failed"
	// Missed: events may have gone by unheard, so everything was purged.
	Missed Outcome = "missed"
)

// PurgerOptions are what purges, and by what.
type PurgerOptions struct {
	// Stream is the stream's name. It must not be there yet. Required.
	Stream string
	// Rules are 1 to 64. Required.
	Rules []Rule
	// Purge purges tags. An error has the event delivered again, where Durable is set.
	// Required.
	Purge func(ctx context.Context, tags []string) error
	// PurgeAll purges everything: events may have been missed. Required.
	PurgeAll func(ctx context.Context) error
	// Durable names one place in the stream that all processes of a fleet share: each
	// event is handled by one of them, for all, and none is missed while no process
	// runs. For caches that share a level 2. Default: this process hears every event
	// from now on, for its own cache.
	Durable string
	// OnEvent, where set, is told what became of each event, and how long after it was
	// stored; 0 for Missed.
	OnEvent func(o Outcome, after time.Duration)
	// TracerProvider makes a span for each event whose publisher's was sampled. Nil:
	// none.
	TracerProvider trace.TracerProvider
}

func (o PurgerOptions) validate() error {
	if o.Stream == "" || o.Purge == nil || o.PurgeAll == nil {
		return errors.New("events: a purger needs Stream, Purge and PurgeAll")
	}
	return nil
}

// Purger purges by events. What it hears is at most as late as the log: whoever reads
// between a write and its event may be served what was there before.
//
// Nothing goes by unheard: after a gap it goes on where it was, and where the log no
// longer has what it missed, it purges everything.
type Purger struct {
	conn  *Conn
	opts  PurgerOptions
	rules []rule
	spans spans
	done  chan struct{}
	end   context.CancelFunc
}

// NewPurger begins to purge, at once or when the log is there, until Close.
func NewPurger(conn *Conn, o PurgerOptions) (*Purger, error) {
	rules, err := parseRules(o.Rules)
	if err := errors.Join(o.validate(), err); err != nil {
		return nil, err
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Outcome, time.Duration) {}
	}
	ctx, end := context.WithCancel(context.Background())
	p := &Purger{conn: conn, opts: o, rules: rules, spans: newSpans(o.TracerProvider, o.Stream), done: make(chan struct{}), end: end}
	follow := (&follower{Purger: p}).run
	if o.Durable != "" {
		follow = (&sharer{Purger: p}).run
	}
	go func() {
		defer close(p.done)
		conn.keep(ctx, o.Stream, follow)
	}()
	return p, nil
}

// Close ends it. What it was handling is finished first.
func (p *Purger) Close() error {
	p.end()
	<-p.done
	return nil
}

// handle purges by an event. It does not end with the process's wish to end.
func (p *Purger) handle(ctx context.Context, m Message) error {
	ctx, span := p.spans.process(context.WithoutCancel(ctx), m)
	defer span.End()
	tags, err := tagsOf(p.rules, m)
	if err != nil {
		p.tell(Unreadable, m)
		p.conn.logger.Warn("an event purges nothing", "subject", m.Subject, "id", m.ID, "sequence", m.Sequence, "error", err)
		return Permanent(err)
	}
	if len(tags) == 0 {
		return nil
	}
	if err := p.opts.Purge(ctx, tags); err != nil {
		p.tell(Failed, m)
		return err
	}
	p.tell(Purged, m)
	return nil
}

func (p *Purger) tell(o Outcome, m Message) { p.opts.OnEvent(o, max(0, time.Since(m.StoredAt))) }

// missed purges everything.
func (p *Purger) missed(ctx context.Context, why string) error {
	p.conn.logger.Warn("events may have been missed: everything stored is purged", "stream", p.opts.Stream, "because", why)
	p.opts.OnEvent(Missed, 0)
	if err := p.opts.PurgeAll(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("purging everything: %w", err)
	}
	return nil
}
