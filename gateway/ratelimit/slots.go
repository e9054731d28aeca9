package ratelimit

// fingerprint stands for a key. Nobody can name two keys of one, as it is made by
// two seeds that are secret and new with each process. The zero value is none.
type fingerprint struct{ hi, lo uint64 }

// slot has a fixed size, whatever the length of its key.
type slot[V any] struct {
	key   fingerprint
	value V
}

// fewest is how many slots there are at least, where there are any.
const fewest = 4

// slots is a hash table by linear probing, whose memory is what all takes and
// nothing else. Values stay where they are until the next place, remove, sweep or
// resize.
type slots[V any] struct {
	all    []slot[V] // none, or a power of two
	used   int
	cursor int // where the next sweep begins
}

// index returns where a key is, and -1 where it is not.
func (s *slots[V]) index(key fingerprint) int {
	if s.used == 0 {
		return -1
	}
	mask := len(s.all) - 1
	for i := int(key.lo) & mask; ; i = (i + 1) & mask {
		switch s.all[i].key {
		case key:
			return i
		case fingerprint{}:
			return -1
		}
	}
}

// find returns a key's value, and nil where there is none.
func (s *slots[V]) find(key fingerprint) *V {
	if i := s.index(key); i >= 0 {
		return &s.all[i].value
	}
	return nil
}

// full tells whether one more key would make looking for keys slow.
func (s *slots[V]) full() bool { return s.used >= len(s.all)*13/16 }

// place adds a key that is not there; the slots must not be full.
func (s *slots[V]) place(key fingerprint, value V) *V {
	mask := len(s.all) - 1
	i := int(key.lo) & mask
	for s.all[i].key != (fingerprint{}) {
		i = (i + 1) & mask
	}
	s.all[i] = slot[V]{key, value}
	s.used++
	return &s.all[i].value
}

// remove empties a slot and moves those behind it up, so that each is found.
func (s *slots[V]) remove(gap int) {
	mask := len(s.all) - 1
	for i := (gap + 1) & mask; s.all[i].key != (fingerprint{}); i = (i + 1) & mask {
		home := int(s.all[i].key.lo) & mask
		if (i-home)&mask >= (i-gap)&mask {
			s.all[gap] = s.all[i]
			gap = i
		}
	}
	s.all[gap] = slot[V]{}
	s.used--
}

// next returns the slot to look at next, round and round.
func (s *slots[V]) next() int {
	i := s.cursor & (len(s.all) - 1)
	s.cursor = i + 1
	return i
}

// sweep looks at the next n slots and empties those that are over.
func (s *slots[V]) sweep(n int, over func(*V) bool) {
	for range min(n, len(s.all)) {
		i := s.next()
		for s.all[i].key != (fingerprint{}) && over(&s.all[i].value) {
			s.remove(i) // another may have moved up
		}
	}
}

// resize moves everything to size slots, a power of two, or drops the memory of
// none.
func (s *slots[V]) resize(size int) {
	before := s.all
	s.all, s.used, s.cursor = nil, 0, 0
	if size == 0 {
		return
	}
	s.all = make([]slot[V], size)
	for i := range before {
		if before[i].key != (fingerprint{}) {
			s.place(before[i].key, before[i].value)
		}
	}
}

// spare returns how many slots are enough for what is used, with room to grow.
func (s *slots[V]) spare() int {
	if s.used == 0 {
		return 0
	}
	size := len(s.all)
	for size > fewest && s.used < size/4 {
		size /= 2
	}
	return size
}
