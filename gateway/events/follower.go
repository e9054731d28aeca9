package events

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// forgetAfter is how long the server keeps the consumer of a process that is gone.
const forgetAfter = time.Minute

var errGap = errors.New("messages were lost on the way")

// follower hears every event, for this process alone. Its consumers are made anew
// after each fault, from the event after the last that was handled.
type follower struct {
	*Purger
	began   bool
	created time.Time // of the stream
	last    uint64    // that was handled, or was there at the beginning
}

func (f *follower) run(ctx context.Context) error {
	stream, err := f.conn.js.Stream(ctx, f.opts.Stream)
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	why := f.gap(info)
	if why != "" {
		f.created, f.last = info.Created, info.State.LastSeq
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Description:    "purges of one process",
		FilterSubjects: filters(f.rules), AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: f.last + 1,
		InactiveThreshold: forgetAfter, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		if why != "" {
			f.created = time.Time{} // what was missed was not made up for
		}
		return err
	}
	defer f.conn.forget(f.opts.Stream, consumer.CachedInfo().Name)
	// Not before the consumer is there: what is stored from here on is heard.
	if why != "" {
		if err := f.catchUp(ctx, why); err != nil {
			return err
		}
	}
	return f.follow(ctx, consumer)
}

// catchUp makes up for what was missed. What was stored before the first consumer
// was there is no fault.
func (f *follower) catchUp(ctx context.Context, why string) error {
	err := f.opts.PurgeAll(context.WithoutCancel(ctx))
	if f.began {
		err = f.missed(ctx, why)
	}
	if err != nil {
		f.created = time.Time{}
		return err
	}
	f.began = true
	return nil
}

// gap says why events may have been missed, or "".
func (f *follower) gap(info *jetstream.StreamInfo) string {
	switch {
	case !f.created.Equal(info.Created):
		return "the stream is another one"
	case info.State.LastSeq < f.last:
		return "the stream has lost its end"
	case info.State.FirstSeq > f.last+1:
		return "the stream no longer has what came next"
	}
	return ""
}

func (f *follower) follow(ctx context.Context, consumer jetstream.Consumer) error {
	messages, err := consumer.Messages(jetstream.PullExpiry(pullTime), jetstream.PullHeartbeat(heartbeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for expected := uint64(1); ; expected++ {
		next, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		m, meta, err := messageOf(next)
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != expected {
			return errGap
		}
		// An error is told already, and nobody would do it better.
		_ = f.handle(ctx, m)
		f.last = m.Sequence
	}
}

// forget removes a consumer that nobody will use again.
func (c *Conn) forget(stream, consumer string) {
	if !c.Connected() {
		return // the server forgets it by itself
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.js.DeleteConsumer(ctx, stream, consumer)
}
