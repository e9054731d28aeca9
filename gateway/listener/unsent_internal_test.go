package listener

import (
	"slices"
	"testing"
)

// Those make room whose clients have taken nothing for the longest time, and what is
// one's own stays, however much it is.
func TestWhoMakesRoom(t *testing.T) {
	var u unsent
	first, second, third, last := &response{}, &response{}, &response{}, &response{}
	for _, w := range []*response{first, second, third} {
		u.add(w, 1, 3)
	}
	u.took(first)
	u.remove(third)
	u.took(third) // which waits no more
	if over := u.add(last, 2, 3); !slices.Equal(over, []*response{second}) {
		t.Errorf("%d made room, not the second", len(over))
	}
	u.remove(second)
	if over := u.add(third, 4, 3); !slices.Equal(over, []*response{first, last}) || u.bytes() != 4 {
		t.Errorf("%d made room, and %d bytes wait", len(over), u.bytes())
	}
}

// BenchmarkUnsentFull is one response more where as many small ones wait as one
// address can have: 128 on each of 512 connections.
func BenchmarkUnsentFull(b *testing.B) {
	const clients, size = 128 * 512, 4 << 10
	guard, err := New(Options{MaxUnsentBytes: clients * size})
	if err != nil {
		b.Fatal(err)
	}
	for range clients {
		guard.unsent.add(&response{guard: guard}, size, clients*size)
	}
	b.ReportAllocs()
	for b.Loop() {
		if over := guard.unsent.add(&response{guard: guard}, size, clients*size); len(over) != 1 {
			b.Fatalf("%d made room", len(over))
		}
	}
}
