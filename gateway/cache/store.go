// Package cache is a shared HTTP cache (RFC 9111) that stands before any
// http.Handler and purges what it stores by tags.
//
// # What is shared
//
// A stored answer is found again by the method's name and policy, the host, the
// principal where the audience asks for it, the rule's key, and the request
// header fields that the rule and the answer vary on. They are compared one by
// one, so that no value can be mistaken for a part of another. What none of
// them names must not change an answer.
//
// # Purging
//
// Tags are not kept. Each hashes to one of a fixed number of counters; an entry
// remembers what its tags' counters showed before the upstream was asked, and
// is served only while they still show it. [Store.Purge] increments counters:
// its cost does not grow with what is stored, an answer that was read before a
// purge and arrives after it is never served again, and two tags that meet in
// one counter purge each other's entries, which costs a miss and nothing else.
//
// A write to a URI purges what is stored of that URI, too ([Store.InvalidateTargets];
// RFC 9111, section 4.4).
//
// # Staleness
//
// Within the policy's window an answer that is no longer fresh is served at once,
// as a hit with a negative ttl, while one request in the background asks for a
// new one (RFC 5861, section 3). That request is a copy of the client's, in its
// name; it outlives its client, and is bounded in time and number. Answers whose
// directives forbid it (must-revalidate, proxy-revalidate, s-maxage) are never
// served stale, and the windows that an answer states shorten the policy's and
// never lengthen them.
//
// # Credentials
//
// What is answered to a request with credentials is shared as the audience says.
// Where nobody has stated one it is not stored, unless the answer allows that:
// see [Rule].AuthRequired.
package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
)

// The defaults of [Options].
const (
	DefaultMaxBytes      = 64 << 20
	DefaultMaxEntryBytes = 1 << 20
	DefaultMaxVariants   = 16
	DefaultTagCounters   = 1 << 16
)

// Options bounds a [Store]. A zero field takes its default.
type Options struct {
	// MaxBytes bounds what is stored: bodies, header fields, keys and an
	// estimate of what holds them together. Default [DefaultMaxBytes].
	MaxBytes int64
	// MaxEntryBytes bounds one stored answer in the same way. A larger one
	// streams through unstored. Default [DefaultMaxEntryBytes].
	MaxEntryBytes int64
	// MaxVariants bounds the answers under one key that differ by request header
	// fields; the oldest gives way. Default [DefaultMaxVariants].
	MaxVariants int
	// TagCounters is how many counters the tags share, 8 bytes each. Default
	// [DefaultTagCounters].
	TagCounters int
	// Remote is the second level, for this Store alone; the caller closes it,
	// after the Store. It gets all that is stored, so with an audience of
	// principals users' data, but no errors that are written anew for each
	// request. Default nil: there is none, and purges reach this Store only.
	Remote Remote
	// MaxRemoteWait bounds how long a request waits for another process that asks
	// for the same answer, before it asks too. Default [DefaultMaxRemoteWait].
	MaxRemoteWait time.Duration
	// MaxKeyBytes bounds what an answer is stored under: host, principal and the
	// rule's key together, and apart from them the header fields that it varies
	// on. What has more passes the cache by. Default [DefaultMaxKeyBytes].
	MaxKeyBytes int64
	// MaxTags and MaxTagBytes bound the tags of an answer and the length of one.
	// A request with more passes the cache by; a purge is not bounded. Default
	// [DefaultMaxTags] and [DefaultMaxTagBytes].
	MaxTags, MaxTagBytes int
	// MaxHeaderBytes bounds the header of an answer that is stored. Default
	// [DefaultMaxHeaderBytes].
	MaxHeaderBytes int64
	// MaxRefreshes bounds the answers that are fetched anew in the background at
	// the same time. A request that finds them all busy is answered with the
	// stale answer and leaves the refresh to a later one. Default
	// [DefaultMaxRefreshes].
	MaxRefreshes int
	// RefreshTimeout bounds one of them. Default [DefaultRefreshTimeout].
	RefreshTimeout time.Duration
	// RefreshPause is how long no other is tried after one has failed. Default
	// [DefaultRefreshPause].
	RefreshPause time.Duration
	// Jitter is the greatest share of its time left, below 1, by which an answer's
	// lifetime is shortened, so that answers which were stored together do not
	// all expire together. No lifetime is ever lengthened; Cache-Status shows the
	// shortened one. Default 0: none. [DefaultJitter] is a good value.
	Jitter float64
	// Random returns numbers in [0,1) for Jitter; it is called concurrently.
	// Default rand.Float64.
	Random func() float64
	// MaxURLBytes bounds what is remembered for [Rule].KeyFromURL, beside
	// MaxBytes. Default: a sixteenth of it.
	MaxURLBytes int64
	// Encoder compresses stored answers for the hits that want it. Default nil:
	// they are stored and served as they are.
	Encoder Encoder
	// Logger is told of panics in the background. Default slog.Default.
	Logger *slog.Logger
}

// Store holds answers in memory, for any number of rules. Its only goroutines
// are those that fetch stale answers anew, which Close ends. It is safe for
// concurrent use.
type Store struct {
	opts      Options
	entries   *otter.Cache[key, *resource]
	urls      *urlKeys
	tags      *generations
	flights   flights
	refreshes *refreshes
	encoders  chan struct{} // room for those who encode
}

// key is what tells stored answers apart, but for the header fields they vary on.
type key struct {
	scope     string // the method and its policy
	host      string
	principal string // "" where the audience is public
	request   string // the rule's key
}

// bytes is what the key weighs.
func (k key) bytes() int64 {
	return int64(len(k.host) + len(k.principal) + len(k.request))
}

// clone frees the key from the request that its parts belong to.
func (k key) clone() key {
	k.host, k.principal, k.request = strings.Clone(k.host), strings.Clone(k.principal), strings.Clone(k.request)
	return k
}

// NewStore returns an empty Store, or an error that names every bound that
// cannot be kept.
func NewStore(opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	entries, err := otter.New(&otter.Options[key, *resource]{
		MaximumWeight: uint64(opts.MaxBytes),
		Weigher:       func(_ key, r *resource) uint32 { return r.weight },
		// Evict where entries are added: the bound holds at once, and no
		// goroutine outlives a request.
		Executor: func(task func()) { task() },
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	urls, err := newURLKeys(opts.MaxURLBytes)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	s := &Store{
		opts:    opts,
		urls:    urls,
		entries: entries,
		tags:    newGenerations(opts.TagCounters),
		flights: flights{open: make(map[flightKey]*flight)},

		refreshes: newRefreshes(opts.MaxRefreshes),
		encoders:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if opts.Remote != nil {
		if err := opts.Remote.Attach(s.tags); err != nil {
			return nil, fmt.Errorf("cache: second level: %w", err)
		}
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxBytes, DefaultMaxBytes)
	orDefault(&o.MaxEntryBytes, min(DefaultMaxEntryBytes, o.MaxBytes))
	orDefault(&o.MaxURLBytes, max(o.MaxBytes/16, 1))
	orDefault(&o.MaxVariants, DefaultMaxVariants)
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	orDefault(&o.TagCounters, DefaultTagCounters)
	orDefault(&o.MaxKeyBytes, DefaultMaxKeyBytes)
	orDefault(&o.MaxTags, DefaultMaxTags)
	orDefault(&o.MaxTagBytes, DefaultMaxTagBytes)
	orDefault(&o.MaxHeaderBytes, DefaultMaxHeaderBytes)
	orDefault(&o.MaxRefreshes, DefaultMaxRefreshes)
	orDefault(&o.MaxRemoteWait, DefaultMaxRemoteWait)
	orDefault(&o.RefreshTimeout, DefaultRefreshTimeout)
	orDefault(&o.RefreshPause, DefaultRefreshPause)
	return o
}

func orDefault[T comparable](value *T, or T) {
	var zero T
	if *value == zero {
		*value = or
	}
}

func (o Options) validate() error {
	var errs []error
	if min(o.MaxBytes, o.MaxEntryBytes, o.MaxKeyBytes, o.MaxHeaderBytes, o.MaxURLBytes) < 0 ||
		min(o.MaxVariants, o.TagCounters, o.MaxTags, o.MaxTagBytes, o.MaxRefreshes) < 0 ||
		min(o.RefreshTimeout, o.RefreshPause, o.MaxRemoteWait) < 0 {
		errs = append(errs, errors.New("a bound is negative"))
	}
	if !(o.Jitter >= 0 && o.Jitter < 1) {
		errs = append(errs, fmt.Errorf("a jitter of %v is not a share", o.Jitter))
	}
	if o.MaxEntryBytes > o.MaxBytes {
		errs = append(errs, fmt.Errorf("an entry of %d bytes does not fit into %d", o.MaxEntryBytes, o.MaxBytes))
	}
	if o.MaxVariants > 0 && o.MaxEntryBytes > math.MaxUint32/int64(o.MaxVariants) {
		errs = append(errs, fmt.Errorf("%d variants of %d bytes are 4 GiB or more", o.MaxVariants, o.MaxEntryBytes))
	}
	return errors.Join(errs...)
}

// Purge makes every answer stored under one of the tags unservable, and every
// answer that is on its way from an upstream now. A request that begins after
// Purge has returned is never answered with what was there before: nor at any
// other Store of the same second level, but for what [Store.PurgeEverywhere]
// says.
func (s *Store) Purge(tags ...string) {
	s.PurgeEverywhere(context.Background(), tags...)
}

// jitter shortens the time that a lifetime has left, by a random share.
func (s *Store) jitter(lifetime, age time.Duration) time.Duration {
	left := lifetime - age
	if s.opts.Jitter == 0 || left <= 0 {
		return lifetime
	}
	return lifetime - time.Duration(float64(left)*s.opts.Jitter*s.opts.Random())
}

// put stores a variant beside the others of its key.
func (s *Store) put(k key, v *variant) {
	if v.live == nil {
		v.live = new(live)
	}
	k = k.clone()
	now := time.Now()
	s.entries.Compute(k, func(old *resource, _ bool) (*resource, otter.ComputeOp) {
		return old.with(v, s.opts.MaxVariants, func(other *variant) bool {
			return other.Useful(now) && s.tags.current(other.stamps)
		}), otter.WriteOp
	})
}

// change stores another version of a variant, or none. The variant that is
// stored by now may already be another.
func (s *Store) change(k key, v *variant, replacement func(stored *variant) *variant) {
	s.entries.ComputeIfPresent(k, func(old *resource) (*resource, otter.ComputeOp) {
		stored := old.copyOf(v)
		if stored == nil {
			return old, otter.CancelOp
		}
		replaced := replacement(stored)
		if replaced == stored {
			return old, otter.CancelOp
		}
		if changed := old.exchange(stored, replaced); changed != nil {
			return changed, otter.WriteOp
		}
		return nil, otter.InvalidateOp
	})
}

// drop forgets a variant, if it is still stored.
func (s *Store) drop(k key, v *variant) {
	s.change(k, v, func(*variant) *variant { return nil })
}
