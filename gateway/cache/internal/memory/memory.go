// Package memory holds responses in the memory of one process, within a bound.
//
// Under each [Key] stand the responses that differ by request header fields.
// Purges are counted by [Generations]; what was purged stays until it gives way,
// and whoever reads it looks at its stamps.
package memory

import (
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
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
	return &Memory{opts: opts, tags: tags, entries: entries}, nil
}

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

// Put stores a response beside the others of its key. Those that are of no more
// use or that it replaces go, and the oldest where they are too many.
func (m *Memory) Put(k Key, r *Response) {
	k = k.clone()
	now := time.Now()
	m.entries.Compute(k, func(old *resource, _ bool) (*resource, otter.ComputeOp) {
		return old.with(r, m.opts.MaxVariants, func(other *Response) bool {
			return other.Useful(now) && m.tags.Current(other.Stamps)
		}), otter.WriteOp
	})
}

// Drop forgets a response, if it is still stored.
func (m *Memory) Drop(k Key, r *Response) {
	m.change(k, r, func(*Response) *Response { return nil })
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

// change stores another version of a response, or none. The response that is
// stored by now may already be another.
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
		if changed := old.exchange(stored, replaced); changed != nil {
			return changed, otter.WriteOp
		}
		return nil, otter.InvalidateOp
	})
}
