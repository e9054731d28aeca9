package memory

import "github.com/venta-hq/venta/gateway/cache/internal/rfc9111"

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

// exchange returns the resource with one variant replaced, or without it where
// its replacement is nil. It returns nil where nothing remains.
func (r *resource) exchange(old, replacement *Response) *resource {
	changed := &resource{}
	for _, v := range r.variants {
		if v.live == old.live {
			if v = replacement; v == nil {
				continue
			}
		}
		changed.variants = append(changed.variants, v)
		changed.weight += uint32(v.weight)
	}
	if len(changed.variants) == 0 {
		return nil
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
