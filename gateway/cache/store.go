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
package cache

import (
	"errors"
	"fmt"
	"math"
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
}

// Store holds answers in memory, for any number of rules. It has no goroutines
// and is safe for concurrent use.
type Store struct {
	opts    Options
	entries *otter.Cache[key, *resource]
	tags    *generations
	flights flights
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
	return &Store{
		opts:    opts,
		entries: entries,
		tags:    newGenerations(opts.TagCounters),
		flights: flights{open: make(map[flightKey]*flight)},
	}, nil
}

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxEntryBytes == 0 {
		o.MaxEntryBytes = min(DefaultMaxEntryBytes, o.MaxBytes)
	}
	if o.MaxVariants == 0 {
		o.MaxVariants = DefaultMaxVariants
	}
	if o.TagCounters == 0 {
		o.TagCounters = DefaultTagCounters
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.MaxBytes < 0 || o.MaxEntryBytes < 0 || o.MaxVariants < 0 || o.TagCounters < 0 {
		errs = append(errs, errors.New("a bound is negative"))
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
// Purge has returned is never answered with what was there before.
func (s *Store) Purge(tags ...string) {
	for _, tag := range tags {
		s.tags.purge(tag)
	}
}

// put stores a variant beside the others of its key.
func (s *Store) put(k key, v *variant) {
	k = k.clone()
	now := time.Now()
	s.entries.Compute(k, func(old *resource, _ bool) (*resource, otter.ComputeOp) {
		return old.with(v, s.opts.MaxVariants, func(other *variant) bool {
			return other.age(now) < other.lifetime+other.grace && s.tags.current(other.stamps)
		}), otter.WriteOp
	})
}
