package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSlotsAreAMap compares the slots with a map, homes that collide included.
func TestSlotsAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s slots[int]
		want := map[fingerprint]int{}
		for step := range 80 {
			key := fingerprint{1, uint64(rapid.IntRange(0, 40).Draw(t, "key"))}
			switch i := s.index(key); {
			case rapid.IntRange(0, 9).Draw(t, "sweep") == 0:
				over := func(v *int) bool { return *v%3 == 0 }
				s.sweep(len(s.all), over)
				for key, value := range want {
					if over(&value) {
						delete(want, key)
					}
				}
				s.resize(s.spare())
			case i >= 0 && rapid.Bool().Draw(t, "remove"):
				s.remove(i)
				delete(want, key)
			case i >= 0:
				*s.find(key), want[key] = step, step
			default:
				if s.full() {
					s.resize(max(2*len(s.all), fewest))
				}
				s.place(key, step)
				want[key] = step
			}
			checkSlots(t, &s, want)
		}
	})
}

func checkSlots(t *rapid.T, s *slots[int], want map[fingerprint]int) {
	if s.used != len(want) {
		t.Fatalf("%d keys, want %d", s.used, len(want))
	}
	for key, value := range want {
		if got := s.find(key); got == nil || *got != value {
			t.Fatalf("%v is %v, want %d", key, got, value)
		}
	}
}

func at(tick int) wide { return wide{lo: uint64(tick)} }

// TestTheLeastDebtGivesWay holds that whoever gives way owes least of what was looked
// at, which in a small shard is everybody.
func TestTheLeastDebtGivesWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s shard[wide]
		s.resize(16)
		debt := map[fingerprint]wide{}
		for i := uint64(0); !s.full(); i++ {
			key := fingerprint{1, i * 7}
			debt[key] = at(rapid.IntRange(1, 30).Draw(t, "tat"))
			s.place(key, debt[key])
		}
		s.cursor = rapid.IntRange(0, 15).Draw(t, "cursor")
		displace(&s, at(rapid.IntRange(1, 30).Draw(t, "new")))
		for key, gone := range debt {
			if s.find(key) != nil {
				continue
			}
			for other, owes := range debt {
				if owes.less(gone) {
					t.Fatalf("%v gave way though %v owes less", key, other)
				}
			}
		}
	})
}

// TestWhoIsRefusedStaysRefused holds that a flood of keys displaces its own.
func TestWhoIsRefusedStaysRefused(t *testing.T) {
	l := floodLimiter(t, leastBytes)
	now := time.Now()
	const limited = 200
	for i := range limited {
		for range 10 {
			floodKeys(l, now, 1e9+i, 1)
		}
	}
	for round := range 100 {
		floodKeys(l, now, round*1000, 1000)
	}
	if s := l.opts.Memory.Stats(); s.Displaced < 90_000 {
		t.Fatalf("%+v: the memory was not full", s)
	}
	for i := range limited {
		if floodKeys(l, now, 1e9+i, 1) != 0 {
			t.Errorf("the %dth of those who were limited is so no more", i)
		}
	}
}

// TestALimitKeepsItsPart holds that a flood of one limit leaves the others room.
func TestALimitKeepsItsPart(t *testing.T) {
	m, err := NewMemory(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	flooded, other := floodLimiterIn(t, m), floodLimiterIn(t, m)
	now := time.Now()
	floodKeys(flooded, now, 0, 100_000)
	if got := flooded.limits[0].tiers[0].local.account.used; got > 1<<20*3/4 || got < 1<<19 {
		t.Errorf("the flood took %d bytes of a mebibyte", got)
	}
	floodKeys(other, now, 0, 2000)
	if got := other.limits[0].tiers[0].local.keys(); got != 2000 {
		t.Errorf("the other limit remembers %d of 2000 keys", got)
	}
	if s := m.Stats(); s.Bytes > 1<<20 {
		t.Errorf("%+v", s)
	}
}

// TestExpiredKeysGiveTheirMemoryBack with each sweep, and new keys do, too.
func TestExpiredKeysGiveTheirMemoryBack(t *testing.T) {
	l := floodLimiter(t, 8<<20)
	now := time.Now()
	counts, m := l.limits[0].tiers[0].local, l.opts.Memory
	floodKeys(l, now, 0, 50_000)
	full := m.Stats().Bytes
	counts.sweep(time.Second)
	if got := counts.keys(); got != 50_000 || m.Stats().Bytes != full {
		t.Errorf("%d keys before their debt ran out, %+v", got, m.Stats())
	}
	floodKeys(l, now.Add(time.Hour), 1e6, 10_000)
	if got := counts.keys(); got > 30_000 {
		t.Errorf("%d keys, most of which owe nothing", got)
	}
	counts.sweep(2 * time.Hour)
	if got := m.Stats().Bytes; counts.keys() != 0 || got != m.base {
		t.Errorf("%d keys and %d bytes are left", counts.keys(), got)
	}
}

// TestTheFirstSlotsAreHadInAnyCase holds that no key is left uncounted, however
// many limits a memory has.
func TestTheFirstSlotsAreHadInAnyCase(t *testing.T) {
	m, err := NewMemory(leastBytes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		l := floodLimiterIn(t, m)
		for range 10 {
			floodKeys(l, l.start, i, 1)
		}
		if floodKeys(l, l.start, i, 1) != 0 {
			t.Fatalf("the %dth limit does not count", i)
		}
	}
}

func TestLongKeysCostNoMore(t *testing.T) {
	l := floodLimiter(t, 0)
	counts := l.limits[0].tiers[0].local
	key := make([]byte, 8<<10)
	for i := range 100 {
		key[len(key)-1] = byte(i)
		s, f := counts.shard(string(key))
		counts.insert(s, f, at(1), 0)
	}
	if got := counts.keys(); got != 100 {
		t.Errorf("%d keys of 100", got)
	}
}

// TestSpareIsAFixedPoint holds that what was given back is not taken again at once.
func TestSpareIsAFixedPoint(t *testing.T) {
	for range 1000 {
		var s slots[wide]
		s.resize(1 << (2 + rand.IntN(8)))
		for n := rand.IntN(len(s.all) * 13 / 16); s.used < n; {
			s.place(fingerprint{1, rand.Uint64()}, wide{})
		}
		n := s.used
		s.resize(s.spare())
		if s.used != n || s.used > 0 && s.full() || s.spare() != len(s.all) {
			t.Fatal(fmt.Sprint(n, " keys in ", len(s.all), " slots"))
		}
	}
}
