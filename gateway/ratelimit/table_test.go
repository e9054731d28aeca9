package ratelimit

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func at(tick int) wide { return wide{lo: uint64(tick)} }

// TestShardForgetsTheLeastDebt compares the lazy heap with a plain search.
func TestShardForgetsTheLeastDebt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shard{entries: make(map[string]*entry), capacity: rapid.IntRange(1, 8).Draw(t, "capacity")}
		for step := range 60 {
			key := fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "key"))
			tat := at(1000 + rapid.IntRange(0, 40).Draw(t, "tat") + step)
			if known := s.entries[key]; known != nil {
				known.tat = later(known.tat, tat)
				continue
			}
			least, full := leastDebt(&s), len(s.entries) == s.capacity
			s.insert(key, tat, wide{})
			checkShard(t, &s)
			if full && s.entries[least.key] == least {
				t.Fatalf("%q owed least and is still there", least.key)
			}
			if s.entries[key] == nil {
				t.Fatalf("%q was not remembered", key)
			}
		}
	})
}

// leastDebt returns the entry with the oldest TAT; ties are broken as the heap did.
func leastDebt(s *shard) *entry {
	if len(s.byTAT) == 0 {
		return nil
	}
	s.settle()
	least := s.byTAT[0].entry
	for _, e := range s.entries {
		if e.tat.less(least.tat) {
			return e
		}
	}
	return least
}

func checkShard(t *rapid.T, s *shard) {
	if len(s.entries) != len(s.byTAT) || len(s.entries) > s.capacity {
		t.Fatalf("%d entries, %d slots, capacity %d", len(s.entries), len(s.byTAT), s.capacity)
	}
	for i, slot := range s.byTAT {
		if s.entries[slot.entry.key] != slot.entry {
			t.Fatalf("slot %d holds a forgotten key", i)
		}
		if slot.entry.tat.less(slot.tat) {
			t.Fatalf("slot %d is ahead of its entry", i)
		}
		if i > 0 && slot.tat.less(s.byTAT[(i-1)/2].tat) {
			t.Fatalf("slot %d is out of order", i)
		}
	}
}

func TestShardShrinksAfterAFlood(t *testing.T) {
	s := shard{entries: make(map[string]*entry), capacity: 1000}
	for i := range 1000 {
		s.insert(fmt.Sprint("flood", i), at(10), at(0))
	}
	if len(s.entries) != 1000 {
		t.Fatalf("%d keys before their debt ran out", len(s.entries))
	}
	for i := range 500 {
		s.insert(fmt.Sprint("later", i), at(100), at(50))
	}
	if len(s.entries) != 500 {
		t.Errorf("%d keys, want the 500 that owe something", len(s.entries))
	}
}

func TestLongKeysAreSalted(t *testing.T) {
	long := strings.Repeat("k", MaxKeyBytes+1)
	one, two := limit{salt: [32]byte{1}}, limit{salt: [32]byte{2}}
	if one.fold(long) == two.fold(long) {
		t.Error("who knows the hash can name a short key that meets a long one")
	}
	if again := strings.Clone(long); one.fold(again) != one.fold(long) || one.fold(long[1:]) != long[1:] {
		t.Error("a key does not stay the same")
	}
}

func TestTableKeepsItsBound(t *testing.T) {
	for _, maxKeys := range []int{1, 2, 63, 64, 65, 1000, 1 << 16} {
		table := newTable(maxKeys)
		for i := range 3 * maxKeys {
			key := fmt.Sprint(i)
			s := table.shard(key)
			s.mu.Lock()
			s.insert(key, at(i+1), wide{})
			s.mu.Unlock()
		}
		if got := table.keys(); got > maxKeys || got < maxKeys*8/10 {
			t.Errorf("%d keys remembered, want at most and about %d", got, maxKeys)
		}
	}
}

func TestTableDoesNotKeepTheRequestAlive(t *testing.T) {
	buffer := make([]byte, 1<<10)
	key := unsafe.String(&buffer[0], 8)
	s := shard{entries: make(map[string]*entry), capacity: 1}
	s.insert(key, at(1), wide{})
	for kept := range s.entries {
		if unsafe.StringData(kept) == unsafe.StringData(key) {
			t.Error("the key is a part of the request's buffer")
		}
	}
}
