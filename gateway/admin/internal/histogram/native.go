package histogram

import (
	"math"

	dto "github.com/prometheus/client_model/go"
)

// native are exponential buckets: the i-th ends at 2^(i * 2^-schema). Negative values,
// which no duration has, are left aside.
type native struct {
	count  float64
	schema int32
	zero   float64 // how many values were zero
	first  int32   // the index of the first bucket
	counts []float64
}

// readNative takes the buckets of a series.
func readNative(h *dto.Histogram) native {
	n := native{count: float64(h.GetSampleCount()), schema: h.GetSchema(), zero: float64(h.GetZeroCount())}
	if h.GetSampleCountFloat() > 0 {
		n.count, n.zero = h.GetSampleCountFloat(), h.GetZeroCountFloat()
	}
	next, read, last := int32(0), 0, int64(0)
	for i, span := range h.GetPositiveSpan() {
		if next += span.GetOffset(); i == 0 {
			n.first = next
		}
		for range span.GetLength() {
			count := 0.0
			switch {
			case read < len(h.GetPositiveDelta()):
				last += h.GetPositiveDelta()[read]
				count = float64(last)
			case read < len(h.GetPositiveCount()):
				count = h.GetPositiveCount()[read]
			}
			n.put(next, count)
			next, read = next+1, read+1
		}
	}
	return n
}

// put counts in a bucket that is none of the first ones.
func (n *native) put(index int32, count float64) {
	for int(index-n.first) >= len(n.counts) {
		n.counts = append(n.counts, 0)
	}
	n.counts[index-n.first] += count
}

// coarser returns the same in the wider buckets of a lower schema.
func (n native) coarser(schema int32) native {
	if n.schema <= schema {
		return n
	}
	shift := n.schema - schema
	within := func(index int32) int32 { return (index-1)>>shift + 1 }
	wide := native{count: n.count, schema: schema, zero: n.zero, first: within(n.first)}
	for i, count := range n.counts {
		wide.put(within(n.first+int32(i)), count)
	}
	return wide
}

// combine adds another one, or takes it away, in the wider buckets of the two.
func (n native) combine(other native, sign float64) native {
	switch {
	case other.count == 0 && len(other.counts) == 0:
		return n
	case n.count == 0 && len(n.counts) == 0 && sign > 0:
		return other
	}
	schema := min(n.schema, other.schema)
	n, other = n.coarser(schema), other.coarser(schema)
	both := native{count: n.count + sign*other.count, schema: schema, zero: n.zero + sign*other.zero, first: min(n.first, other.first)}
	for i, count := range n.counts {
		both.put(n.first+int32(i), count)
	}
	for i, count := range other.counts {
		both.put(other.first+int32(i), sign*count)
	}
	return both
}

// bounds returns where a bucket begins and ends.
func (n native) bounds(i int) (lower, upper float64) {
	index, width := float64(n.first)+float64(i), math.Exp2(-float64(n.schema))
	return math.Exp2((index - 1) * width), math.Exp2(index * width)
}

func (n native) quantile(q float64) float64 {
	rank, below, last := q*n.count, n.zero, 0.0
	if rank <= below {
		return 0
	}
	for i, count := range n.counts {
		if count <= 0 {
			continue
		}
		lower, upper := n.bounds(i)
		if below+count >= rank {
			return lower * math.Pow(upper/lower, (rank-below)/count)
		}
		below, last = below+count, upper
	}
	return last
}

func (n native) within(bound float64) float64 {
	within := n.zero
	for i, count := range n.counts {
		lower, upper := n.bounds(i)
		if bound <= lower {
			break
		}
		within += count * position(bound, lower, upper)
	}
	return within
}
