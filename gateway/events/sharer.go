package events

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// sharer handles some events, for all processes of a fleet.
type sharer struct{ *Purger }

func (s *sharer) run(ctx context.Context) error {
	consuming := &Consumer{conn: s.conn, opts: ConsumerOptions{
		Stream: s.opts.Stream, Durable: s.opts.Durable, Subjects: filters(s.rules), Handle: s.handle, Patient: true,
	}.completed()}
	place, err := s.find(ctx, consuming)
	if err != nil {
		return err
	}
	return consuming.run(ctx, place)
}

// find finds the fleet's place in the stream, or makes it. Where there was none, and
// where the stream no longer has what comes next, events may have been missed.
func (s *sharer) find(ctx context.Context, c *Consumer) (jetstream.Consumer, error) {
	stream, err := s.conn.js.Stream(ctx, s.opts.Stream)
	if err != nil {
		return nil, err
	}
	_, err = stream.Consumer(ctx, s.opts.Durable)
	isNew := errors.Is(err, jetstream.ErrConsumerNotFound)
	if err != nil && !isNew {
		return nil, err
	}
	place, err := c.ensure(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case isNew:
		err = s.missed(ctx, "the fleet's place in the stream is new")
		if err != nil { // so that another process finds it new as well
			s.conn.forget(s.opts.Stream, s.opts.Durable)
		}
	case place.CachedInfo().AckFloor.Stream+1 < stream.CachedInfo().State.FirstSeq:
		err = s.missed(ctx, "the stream no longer has what came next")
	}
	return place, err
}
