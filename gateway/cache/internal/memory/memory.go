// Package memory holds responses in the memory of one process, within a bound.
//
// Under each [Key] stand the responses that differ by request header fields. Of two
// that the same request selects the one that was requested later stays, in whatever
// order they come.
// Purges are counted by [Generations]; what was purged stays until it gives way,
// and whoever reads it looks at its stamps.
package memory

import (
	"net/http"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// Options bounds a [Memory]. All are required.
type Options struct {
	// MaxBytes bounds what is stored in all.
	MaxBytes int64
	// MaxEntryBytes bounds a response with its encodings. MaxVariants times
	// MaxEntryBytes must be less than 4 GiB.
	MaxEntryBytes int64
	// MaxVariants bounds the responses under one key.
	MaxVariants int
}

// Memory is the store of responses. It has no goroutines, and is safe for
// concurrent use.
type Memory struct {
	opts    Options
	tags    *Generations
	entries *otter.Cache[Key, *resource]
	// superseded has, for variants of which that is so, when a response was requested
	// that took the place of those before it and is not stored.
	superseded *Marks
}

// New returns an empty Memory. Stamps are read by tags.
func New(opts Options, tags *Generations) (*Memory, error) {
	entries, err := otter.New(&otter.Options[Key, *resource]{
		MaximumWeight: uint64(opts.MaxBytes),
		Weigher:       func(_ Key, r *resource) uint32 { return r.weight },
		// Evict where entries are added: the bound holds at once, and no
		// goroutine outlives a request.
		Executor: func(task func()) { task() },
	})
	if err != nil {
		return nil, err
	}
	return &Memory{opts: opts, tags: tags, entries: entries, superseded: NewMarks()}, nil
}

// Entries is how many keys there are.
func (m *Memory) Entries() int { return m.entries.EstimatedSize() }

// Bytes is what the stored responses weigh.
func (m *Memory) Bytes() uint64 { return m.entries.WeightedSize() }

// Variants returns all responses under a key, newest first. They must not be
// changed.
func (m *Memory) Variants(k Key) []*Response {
	if stored, ok := m.entries.GetIfPresent(k); ok {
		return stored.variants
	}
	return nil
}

// Put stores a response beside the others of its key, and returns it. Those that
// are of no more use or that it replaces go, and the oldest where they are too
// many. It replaces those that the request selects which brought it.
//
// Where one of those was requested later than it, that one stays and is returned;
// where a later one was not stored, nothing is returned.
func (m *Memory) Put(v Variant, r *Response, request http.Header) (stored *Response) {
	k := v.Key.clone()
	now := time.Now()
	m.entries.Compute(k, func(old *resource, _ bool) (*resource, otter.ComputeOp) {
		if m.Superseded(v, r) {
			stored = nil
			return old, otter.CancelOp
		}
		if stored = old.newerThan(r, request, m.tags); stored != nil {
			return old, otter.CancelOp
		}
		stored = r
		return old.with(r, m.opts.MaxVariants, func(other *Response) bool {
			return other.Useful(now) && m.tags.Current(other.Stamps) && !rfc9111.Selected(request, other.Selectors)
		}), otter.WriteOp
	})
	return stored
}

// Newest returns what has replaced a response that the request selects, or the
// response where nothing has.
func (m *Memory) Newest(k Key, r *Response, request http.Header) *Response {
	if stored, ok := m.entries.GetIfPresent(k); ok {
		if newer := stored.newerThan(r, request, m.tags); newer != nil {
			return newer
		}
	}
	return r
}

// Supersede forgets the responses that a request selects: one that was requested
// at the given time has taken their place, and is not stored. Those that were
// requested later stay. It returns when that was so for the variant before, or zero.
func (m *Memory) Supersede(v Variant, request http.Header, requested time.Time) (before time.Time) {
	before = m.superseded.At(v)
	m.superseded.Set(v, requested)
	m.entries.ComputeIfPresent(v.Key, func(old *resource) (*resource, otter.ComputeOp) {
		left := old.without(func(r *Response) bool {
			return !r.Requested.After(requested) && rfc9111.Selected(request, r.Selectors)
		})
		switch {
		case left == nil:
			return nil, otter.InvalidateOp
		case len(left.variants) == len(old.variants):
			return old, otter.CancelOp
		}
		return left, otter.WriteOp
	})
	return before
}

// Superseded reports whether a response was requested before one that took its
// place and is not stored.
func (m *Memory) Superseded(v Variant, r *Response) bool {
	return r.Requested.Before(m.superseded.At(v))
}

// Stored returns what is stored now of a response, or nil.
func (m *Memory) Stored(k Key, r *Response) *Response {
	if stored, ok := m.entries.GetIfPresent(k); ok {
		return stored.copyOf(r)
	}
	return nil
}

// Attach stores an encoding beside its response, or that there is none, which is
// so, too, where both together are more than an entry may have. It returns what
// the encoding has become.
func (m *Memory) Attach(k Key, r *Response, e Encoding) Encoding {
	if r.weight+e.bytes() > m.opts.MaxEntryBytes {
		e = Encoding{Coding: e.Coding}
	}
	m.change(k, r, func(stored *Response) *Response {
		if stored.weight+e.bytes() > m.opts.MaxEntryBytes {
			return stored
		}
		copied := *stored
		copied.encodings = append(slices.Clip(stored.encodings), e)
		copied.weight += e.bytes()
		return &copied
	})
	return e
}

// change stores another version of a response. The response that is stored by now
// may already be another.
func (m *Memory) change(k Key, r *Response, replacement func(stored *Response) *Response) {
	m.entries.ComputeIfPresent(k, func(old *resource) (*resource, otter.ComputeOp) {
		stored := old.copyOf(r)
		if stored == nil {
			return old, otter.CancelOp
		}
		replaced := replacement(stored)
		if replaced == stored {
			return old, otter.CancelOp
		}
		return old.exchange(stored, replaced), otter.WriteOp
	})
}
