package rediscache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// proofsPerLease is how often within a lease Redis is asked for a proof.
const proofsPerLease = 5

// replyBounds is how many bounds a reply may take before the connection is given
// up. Until then nothing is missed: what was published waits in it.
const replyBounds = 4

var (
	errNoConnection = errors.New("not connected yet")
	errUnsubscribed = errors.New("the server has ended the subscription")
	errGone         = errors.New("the connection is gone")
	errMoved        = errors.New("another server is the master now")
)

// link is the connection of the subscription. All that decides goes by it: proofs,
// purges, acknowledgements and the tags' values. So all of it is of one server,
// even where two take themselves for the master, and large entries are not before
// it.
type link struct {
	client rueidis.DedicatedClient
	master string // where it leads, as far as that is known
	lost   chan error
}

func (l *link) lose(err error) {
	select {
	case l.lost <- err:
	default: // it is lost already
	}
}

// stayInContact keeps the process in contact until ctx ends.
func (r *Remote) stayInContact(ctx context.Context) {
	var last error // each is logged once
	for ctx.Err() == nil {
		err := r.contact(ctx)
		if r.trust.lose() {
			r.tell(EventLost)
		}
		if errors.Is(err, errLeft) {
			return
		}
		if ctx.Err() == nil && (last == nil || last.Error() != err.Error()) {
			r.opts.Logger.Warn("cache: no contact with Redis", "error", err)
		}
		last = err
		pause(ctx, r.interval())
	}
}

// lease is for how long a proof is trusted, and for how long a member that has
// spoken is taken to be able to. Both together are the bound: others stop to trust
// a lease after a member's own has ended.
func (r *Remote) lease() time.Duration { return r.opts.Bound / 2 }

func (r *Remote) interval() time.Duration { return r.lease() / proofsPerLease }

// pause returns after a while, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// contact subscribes and stays until the contact is lost. What was stored before
// under tags is void: purges may have been missed.
func (r *Remote) contact(ctx context.Context) error {
	conn := r.opts.Client.Conn()
	if conn == nil {
		return errNoConnection
	}
	master := r.opts.Client.Master() // before: where it changes meanwhile, the first proof finds out
	client, _ := conn.Dedicate()
	defer client.Close()
	l := &link{client: client, master: master, lost: make(chan error, 1)}
	r.link.Store(l) // who purges waits for the acknowledgement of all who have subscribed
	defer r.link.Store(nil)
	gone := client.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: r.hear,
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if s.Kind == "sunsubscribe" {
				l.lose(errUnsubscribed)
			}
		},
	})
	if err := r.subscribe(ctx, client); err != nil {
		return err
	}
	r.level.PurgeTagged()
	if err := r.identify(ctx, client); err != nil {
		return err
	}
	if err := r.deliverPending(ctx, l); err != nil {
		return err
	}
	r.tell(EventContact)
	r.opts.Logger.Info("cache: in contact with Redis")
	return r.proveUntilLost(ctx, l, gone)
}

func (r *Remote) subscribe(ctx context.Context, client rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(ctx, replyBounds*r.opts.Bound)
	defer cancel()
	for _, channel := range []string{r.keys.purges, r.keys.inbox(r.id)} {
		if err := client.Do(ctx, client.B().Ssubscribe().Channel(channel).Build()).Error(); err != nil {
			return fmt.Errorf("subscribing: %w", err)
		}
	}
	return nil
}

// identify renews the epoch if it was made for another server process, and voids
// everything here if it is not the known one.
func (r *Remote) identify(ctx context.Context, client rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(ctx, replyBounds*r.opts.Bound)
	defer cancel()
	run, err := serverProcess(ctx, client)
	if err != nil {
		return err
	}
	b := client.B()
	known, err := client.Do(ctx, b.Get().Key(r.keys.run).Build()).ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return fmt.Errorf("reading whom the epoch is for: %w", err)
	}
	if known != run {
		r.tell(EventRenewed)
		err := firstError(client.DoMulti(ctx,
			b.Set().Key(r.keys.epoch).Value(random()).Build(),
			b.Set().Key(r.keys.run).Value(run).Build()))
		if err != nil {
			return fmt.Errorf("renewing the epoch: %w", err)
		}
	}
	if err := r.readClock(ctx, client); err != nil {
		return err
	}
	return r.carryOver(ctx, client, run)
}

// serverProcess returns what tells one life of one server from all others.
func serverProcess(ctx context.Context, client rueidis.DedicatedClient) (string, error) {
	info, err := client.Do(ctx, client.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return "", fmt.Errorf("asking the server who it is: %w", err)
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(id), nil
		}
	}
	return "", errors.New("the server does not say who it is")
}

// knowEpoch voids everything here when the epoch is not the known one.
func (r *Remote) knowEpoch(epoch string) {
	if known := r.epoch.Swap(&epoch); known == nil || *known != epoch {
		r.level.PurgeAll()
	}
}

// proveUntilLost proves the contact again and again. It begins at once, and
// delivers what is pending whenever there is something.
func (r *Remote) proveUntilLost(ctx context.Context, l *link, gone <-chan error) error {
	ticker := time.NewTicker(r.interval())
	defer ticker.Stop()
	for {
		if r.opts.Client.Master() != l.master {
			return errMoved
		}
		if err := r.proveContact(ctx, l); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.parting:
			return r.leave(ctx, l)
		case err := <-gone:
			return errors.Join(errGone, err)
		case err := <-l.lost:
			return err
		case <-r.wake:
		case <-ticker.C:
		}
	}
}

// proveContact sends one request. A reply that was long in coming proves little,
// so that it sends another at once.
//
// The time of the request is taken before it is known that nothing is pending: a
// write whose purge failed is served later than the last time that others hear of.
func (r *Remote) proveContact(ctx context.Context, l *link) error {
	ctx, cancel := context.WithTimeout(ctx, replyBounds*r.opts.Bound)
	defer cancel()
	for {
		requested := time.Now()
		if err := r.deliverPending(ctx, l); err != nil {
			return err
		}
		found, err := r.speak(ctx, l.client, requested)
		if err != nil {
			return err
		}
		now := time.Now()
		r.knowEpoch(found.epoch)
		r.trust.prove(requested, now, found.silent > 0)
		r.away.Store(false)
		if err := r.remember(ctx, l.client, found); err != nil {
			return err
		}
		if now.Sub(requested) < r.interval() {
			return nil
		}
	}
}
