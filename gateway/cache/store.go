package cache

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

// Store holds responses in memory, for any number of rules. Its only goroutines
// are those that refresh stale responses, which Close ends. It is safe for
// concurrent use.
type Store struct {
	opts       Options
	memory     *memory.Memory
	urls       *memory.URLs
	tags       *memory.Generations
	flights    *flight.Group
	unshared   *memory.Marks // crowds of which the last response could not be stored, and when
	background *background
	encoders   chan struct{} // room for those who encode
	routes     atomic.Uint64 // how many there have been
}

// NewStore returns an empty Store, or an error that names every bound that
// makes no sense.
func NewStore(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	tags := memory.NewGenerations(opts.TagCounters)
	responses, err := memory.New(memory.Options{
		MaxBytes: opts.MaxBytes, MaxEntryBytes: opts.MaxEntryBytes, MaxVariants: opts.MaxVariants,
	}, tags)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	urls, err := memory.NewURLs(opts.MaxURLBytes)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	s := &Store{
		opts:       opts,
		memory:     responses,
		urls:       urls,
		tags:       tags,
		flights:    flight.NewGroup(tags),
		unshared:   memory.NewMarks(),
		background: newBackground(opts.MaxRefreshes),
		encoders:   make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if opts.Remote != nil {
		if err := opts.Remote.Attach(level{tags}); err != nil {
			return nil, fmt.Errorf("cache: level 2: %w", err)
		}
	}
	return s, nil
}

// Stats are what a [Store] holds in memory.
type Stats struct {
	Entries int64 // keys, each with its variants
	Bytes   int64
}

// Stats returns what the store holds now, what was purged and has not given way yet
// included.
func (s *Store) Stats() Stats {
	return Stats{int64(s.memory.Entries()), int64(s.memory.Bytes())}
}

// Close ends what the store does in the background and waits for it. What is
// stored is served on; stale responses are no longer refreshed. It may be called
// more than once.
func (s *Store) Close() { s.background.close() }

// Purge makes every response stored under one of the tags unservable, and every
// response that is on its way from an upstream now. A request that begins after
// Purge has returned is never served what was there before: nor at any other
// Store of the same level 2, but for what [Store.PurgeEverywhere] says.
func (s *Store) Purge(tags ...string) {
	s.PurgeEverywhere(context.Background(), tags...)
}

// PurgeEverywhere is [Store.Purge], and says how far it came.
func (s *Store) PurgeEverywhere(ctx context.Context, tags ...string) Delivery {
	ids, here := tagIDs(tags), level{s.tags}
	here.PurgeTags(ids)
	if s.opts.Remote == nil || len(ids) == 0 {
		return Delivery{Processes: 1, Acknowledged: 1}
	}
	d := s.opts.Remote.Purge(ctx, ids)
	here.PurgeTags(ids) // what was loaded between the two
	return d
}

// PurgeAll makes every stored response unservable, as [Store.Purge] does.
func (s *Store) PurgeAll(ctx context.Context) Delivery {
	s.tags.PurgeAll()
	if s.opts.Remote == nil {
		return Delivery{Processes: 1, Acknowledged: 1}
	}
	d := s.opts.Remote.PurgeAll(ctx)
	s.tags.PurgeAll() // what was loaded between the two
	return d
}

// usable reports whether a response may be served: whether nothing of it was
// purged, and every purge of it would have been heard or is too young to matter.
func (s *Store) usable(v *memory.Response, now time.Time) bool {
	return s.tags.Current(v.Stamps) && !v.Born.Before(s.oldest(v.Stamps, now))
}

// together is for how long a Store that hears of no purge serves what it has just
// requested: a fast upstream's responses land before those who asked for the same at
// the same time have come to wait for them.
const together = 100 * time.Millisecond

// oldest returns the time before which what has these stamps may not have been
// requested to be served now: a purge of it may not have been heard. Zero: there is
// no such time.
func (s *Store) oldest(stamps []memory.Stamp, now time.Time) time.Time {
	remote := s.opts.Remote
	switch {
	case remote == nil, !memory.IsTagged(stamps):
		return time.Time{}
	case !remote.Trusted(now):
		return now.Add(-min(together, remote.Bound()))
	default:
		return remote.Oldest(now)
	}
}

// joinable returns since when a flight must be under way for others to join it. That
// needs no trust: what was requested within the bound is never too old.
func (s *Store) joinable(stamps []memory.Stamp, now time.Time) time.Time {
	oldest := s.oldest(stamps, now)
	if oldest.IsZero() {
		return oldest
	}
	return now.Add(-s.opts.Remote.Bound())
}

// jitter shortens the time that a lifetime has left, by a random share.
func (s *Store) jitter(lifetime, age time.Duration) time.Duration {
	left := lifetime - age
	if s.opts.Jitter == 0 || left <= 0 {
		return lifetime
	}
	return lifetime - time.Duration(float64(left)*s.opts.Jitter*s.opts.Random())
}
