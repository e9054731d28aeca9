package rediscache

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
)

// Purge implements cache.Remote.
func (r *Remote) Purge(ctx context.Context, tags []cache.TagID) cache.Delivery {
	var all cache.Delivery
	for some := range slices.Chunk(tags, mostTags) {
		all = worse(all, r.deliver(ctx, &message{kind: kindTags, tags: some}))
	}
	return all
}

// PurgeAll implements cache.Remote.
func (r *Remote) PurgeAll(ctx context.Context) cache.Delivery {
	return r.deliver(ctx, &message{kind: kindAll, epoch: random()})
}

// worse sums up the deliveries of one purge.
func worse(a, b cache.Delivery) cache.Delivery {
	if a == (cache.Delivery{}) {
		return b
	}
	return cache.Delivery{
		Processes:    max(a.Processes, b.Processes),
		Acknowledged: min(a.Acknowledged, b.Acknowledged),
		Pending:      a.Pending || b.Pending,
	}
}

// deliver sends a purge and waits for who hears it. It does not wait for a Redis
// that has let one wait in vain since it last proved to be there.
func (r *Remote) deliver(ctx context.Context, m *message) cache.Delivery {
	l := r.link.Load()
	if l == nil || r.away.Load() {
		return r.postpone(m)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.AckTimeout)
	defer cancel()
	w := r.acks.expect()
	defer r.acks.forget(w)
	m.ack = ack{r.id, w.number}
	receivers, err := r.send(ctx, l, m)
	if err != nil {
		r.away.Store(true)
		return r.postpone(m)
	}
	acknowledged := r.acks.wait(ctx, w, receivers)
	delivery := cache.Delivery{Processes: receivers, Acknowledged: acknowledged}
	if delivery.Complete() {
		r.tell(EventPurged)
	} else {
		r.tell(EventUnacknowledged)
	}
	return delivery
}

var errUnheard = errors.New("nobody has heard a purge, this process neither")

// send voids in Redis, then tells the processes, and returns how many there are.
func (r *Remote) send(ctx context.Context, l *link, m *message) (receivers int, err error) {
	b := l.client.B()
	void := b.Set().Key(r.keys.epoch).Value(m.epoch).Build()
	if m.kind == kindTags {
		void = b.Del().Key(r.keys.tags(m.tags)[1:]...).Build()
	}
	results := l.client.DoMulti(ctx, void, b.Spublish().Channel(r.keys.purges).Message(m.encode()).Build())
	if err := firstError(results); err != nil {
		return 0, fmt.Errorf("purging: %w", err)
	}
	n, err := results[1].AsInt64()
	if err == nil && n == 0 { // this process itself has subscribed
		l.lose(errUnheard)
		return 0, errUnheard
	}
	return int(n), err
}

// postpone holds what cannot be delivered, until it can.
func (r *Remote) postpone(m *message) cache.Delivery {
	r.tell(EventPending)
	if m.kind == kindAll {
		r.pending.addAll()
	} else if !r.pending.add(m.tags) {
		r.tell(EventOverflow)
	}
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
	return cache.Delivery{Pending: true}
}

// deliverPending sends what is pending. It waits for nobody: who hears it is either
// not trusted yet, or as late as it would be.
func (r *Remote) deliverPending(ctx context.Context, l *link) error {
	for {
		batch := r.pending.next(mostTags)
		m := &message{kind: kindTags, tags: batch.tags, ack: ack{process: r.id}}
		switch {
		case batch.all != 0:
			m = &message{kind: kindAll, epoch: random(), ack: m.ack}
		case len(batch.tags) == 0:
			return nil
		}
		if _, err := r.send(ctx, l, m); err != nil {
			return err
		}
		r.pending.delivered(batch)
	}
}

// hear is called by the connection's reader, one message at a time. What it does
// not understand may be a purge by a later version.
func (r *Remote) hear(published rueidis.PubSubMessage) {
	m, err := decodeMessage(published.Message)
	if err != nil {
		r.tell(EventMalformed)
		if published.Channel == r.keys.purges {
			r.level.PurgeAll()
		}
		return
	}
	switch m.kind {
	case kindAcks:
		r.acks.confirm(m.acks)
		return
	case kindTags:
		r.level.PurgeTags(m.tags)
	case kindAll:
		r.hearAll(m.epoch)
	}
	if m.ack.number == 0 { // nobody waits
		return
	}
	if m.ack.process == r.id {
		r.acks.confirm([]uint64{m.ack.number})
		return
	}
	select {
	case r.owed <- m.ack:
	default:
		r.tell(EventAckDropped)
	}
}

// hearAll voids everything, and learns the epoch lest it does so again.
func (r *Remote) hearAll(epoch string) {
	r.epoch.Store(&epoch)
	r.level.PurgeAll()
}
