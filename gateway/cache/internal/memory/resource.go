package memory

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// resource is all that is stored under one key, newest first. It is immutable.
type resource struct {
	variants []*Response
	weight   uint32
}

// with returns the resource with v added. Of the others, those that keep holds
// for and that v does not replace stay, up to limit in all.
func (r *resource) with(v *Response, limit int, keep func(*Response) bool) *resource {
	added := &resource{variants: []*Response{v}}
	weight := v.weight
	if r != nil {
		for _, other := range r.variants {
			if len(added.variants) < limit && keep(other) && !rfc9111.SameSelectors(other.Selectors, v.Selectors) {
				added.variants = append(added.variants, other)
				weight += other.weight
			}
		}
	}
	added.weight = uint32(weight)
	return added
}

// newerThan returns what is stored, is current, was requested later than v and is
// selected by the request that has brought it, or nil.
func (r *resource) newerThan(v *Response, request http.Header, tags *Generations) *Response {
	if r == nil {
		return nil
	}
	for _, other := range r.variants {
		if other.Requested.After(v.Requested) && tags.Current(other.Stamps) && rfc9111.Selected(request, other.Selectors) {
			return other
		}
	}
	return nil
}

// without returns the resource without some variants, or nil where none remains.
func (r *resource) without(gone func(*Response) bool) *resource {
	left := &resource{}
	for _, v := range r.variants {
		if !gone(v) {
			left.variants = append(left.variants, v)
			left.weight += uint32(v.weight)
		}
	}
	if len(left.variants) == 0 {
		return nil
	}
	return left
}

// exchange returns the resource with one variant replaced.
func (r *resource) exchange(old, replacement *Response) *resource {
	changed := &resource{}
	for _, v := range r.variants {
		if v.live == old.live {
			v = replacement
		}
		changed.variants = append(changed.variants, v)
		changed.weight += uint32(v.weight)
	}
	return changed
}

// copyOf returns what is stored now of a response, or nil.
func (r *resource) copyOf(v *Response) *Response {
	for _, other := range r.variants {
		if other.live == v.live {
			return other
		}
	}
	return nil
}
