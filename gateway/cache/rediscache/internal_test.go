package rediscache

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/cache"
)

// TestTrust follows a process through time: what proves the contact, and when.
func TestTrust(t *testing.T) {
	const step = 100 * time.Millisecond
	type reply struct{ requested, came int } // in steps
	tests := []struct {
		name    string
		replies []reply
		at      int
		want    bool
	}{
		{"no reply", nil, 50, false},
		{"just begun", []reply{{0, 0}}, 9, false},
		{"one reply, then silence", []reply{{0, 0}}, 10, false},
		{"in contact for a bound", []reply{{0, 0}, {5, 5}, {9, 9}}, 10, true},
		{"until a bound after the last request", []reply{{0, 0}, {5, 5}, {9, 9}}, 18, true},
		{"no longer", []reply{{0, 0}, {5, 5}, {9, 9}}, 19, false},
		{"a late reply proves the time of its request", []reply{{0, 0}, {5, 5}, {9, 9}, {10, 18}}, 19, true},
		{"and no more", []reply{{0, 0}, {5, 5}, {9, 9}, {10, 18}}, 20, false},
		{"a reply that is too late", []reply{{0, 0}, {5, 5}, {9, 9}, {10, 30}}, 30, false},
		{"back in contact", []reply{{0, 0}, {9, 9}, {10, 30}, {30, 30}}, 31, false},
		{"back for a bound", []reply{{0, 0}, {9, 9}, {10, 30}, {30, 30}, {39, 39}}, 40, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				trust := trust{bound: 10 * step, settle: 10 * step}
				for _, q := range test.replies {
					trust.prove(begun.Add(time.Duration(q.requested)*step), begun.Add(time.Duration(q.came)*step), false)
				}
				if got := trust.holds(begun.Add(time.Duration(test.at) * step)); got != test.want {
					t.Errorf("holds = %v", got)
				}
				if trust.lose() != (len(test.replies) > 0) || trust.holds(begun.Add(time.Duration(test.at)*step)) {
					t.Error("it holds after the contact is lost")
				}
			})
		})
	}
}

// TestTrustByBothClocks has the machine suspended: the monotonic clock stood
// still, and the other one shows the time that has passed.
func TestTrustByBothClocks(t *testing.T) {
	trust := trust{bound: time.Second, settle: time.Second}
	now := time.Now()
	trust.proof.Store(&proof{requested: now, since: now.Add(-time.Hour)})
	if !trust.holds(now.Add(time.Second / 2)) {
		t.Error("not trusted in contact")
	}
	trust.proof.Store(&proof{requested: now.Add(-time.Hour).Round(0), since: now.Add(-2 * time.Hour)})
	if trust.holds(now) {
		t.Error("trusted after an hour")
	}
}

// TestPending compares with a plain set: what was added after a batch was taken is
// not taken away with it, and nothing is lost by an overflow.
func TestPending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 4
		k := pending{limit: limit}
		due := map[byte]bool{} // the tags that somebody must still purge
		var taken batch
		var takenDue map[byte]bool
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				tag := rapid.ByteRange(0, 7).Draw(t, "tag")
				k.add([]cache.TagID{{tag}})
				due[tag] = true
				delete(takenDue, tag)
			},
			"add all": func(t *rapid.T) {
				k.addAll()
				for tag := range byte(8) {
					due[tag] = true
				}
				clear(takenDue)
			},
			"take": func(*rapid.T) {
				taken, takenDue = k.next(2), map[byte]bool{}
				for tag := range due {
					takenDue[tag] = taken.all != 0
				}
				for _, tag := range taken.tags {
					takenDue[tag[0]] = true
				}
			},
			"deliver": func(*rapid.T) {
				k.delivered(taken)
				for tag, delivered := range takenDue {
					if delivered {
						delete(due, tag)
					}
				}
				taken, takenDue = batch{}, nil
			},
			"": func(t *rapid.T) {
				if len(k.tags) > limit {
					t.Fatalf("%d tags are pending", len(k.tags))
				}
				for tag := range due {
					if _, has := k.tags[cache.TagID{tag}]; !has && k.all == 0 || k.empty() {
						t.Fatalf("tag %d is forgotten", tag)
					}
				}
			},
		})
	})
}

func TestMessages(t *testing.T) {
	tests := []message{
		{kind: kindTags, ack: ack{processID{1, 2}, 3}, tags: []cache.TagID{{4}, {5}}},
		{kind: kindAll, ack: ack{processID{1}, 1 << 60}, epoch: "epoch"},
		{kind: kindAcks, acks: []uint64{1, 2, 1 << 63}},
	}
	for _, m := range tests {
		if got, err := decodeMessage(m.encode()); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
	for _, text := range []string{"", "\x01", "\x02\x01", "\x01\x00", "\x01\x01short", "\x01\x03seven..", tests[0].encode() + "x"} {
		if m, err := decodeMessage(text); err == nil {
			t.Errorf("%q is %+v", text, m)
		}
	}
	most := message{kind: kindTags, tags: make([]cache.TagID, mostTags+1)}
	if _, err := decodeMessage(most.encode()); err == nil {
		t.Error("too many tags were taken")
	}
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add("\x01\x01" + string(make([]byte, 40)))
	f.Add("\x01\x03" + string(make([]byte, 16)))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := decodeMessage(text)
		if err != nil {
			return
		}
		if again, err := decodeMessage(m.encode()); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%q is %+v and then %+v, %v", text, m, again, err)
		}
	})
}

// TestAcks counts acknowledgements that come before the number of those who owe
// one is known, after it, twice and too late.
func TestAcks(t *testing.T) {
	tests := []struct {
		name          string
		before, after int
		need, want    int
	}{
		{"nobody hears", 0, 0, 0, 0},
		{"all before", 2, 0, 2, 2},
		{"all after", 0, 2, 2, 2},
		{"both", 1, 1, 2, 2},
		{"too few", 1, 0, 2, 1},
		{"more than there are", 3, 0, 2, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := acks{bound: time.Minute}
				w := a.expect()
				other := a.expect()
				confirm := func(n int) {
					for range n {
						a.confirm([]uint64{w.number, 99})
					}
				}
				confirm(test.before)
				begun := time.Now()
				got := make(chan int)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				go func() { got <- a.wait(ctx, w, test.need) }()
				synctest.Wait()
				go confirm(test.after)
				if n := <-got; n != test.want {
					t.Errorf("%d acknowledged, want %d", n, test.want)
				}
				if waited := time.Since(begun) > 0; waited != (test.want < test.need) {
					t.Errorf("waited %v", time.Since(begun))
				}
				a.forget(w)
				a.forget(other)
				confirm(1)
				if a.silent != 0 {
					t.Errorf("%d are silent after a late acknowledgement", a.silent)
				}
				if len(a.open) > 0 {
					t.Errorf("%d purges are remembered", len(a.open))
				}
			})
		})
	}
}

// TestAcksOfTheSilent waits for a process that is stopped until it is surely not
// trusted any more, and again when it comes back.
func TestAcksOfTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 40 * time.Millisecond
		a := acks{bound: time.Second}
		purge := func(acknowledged, hear int) (waited bool) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			w := a.expect()
			defer a.forget(w)
			for range acknowledged {
				a.confirm([]uint64{w.number})
			}
			begun := time.Now()
			a.wait(ctx, w, hear)
			return time.Since(begun) > 0
		}
		check := func(when string, acknowledged, hear int, want bool) {
			t.Helper()
			if purge(acknowledged, hear) != want {
				t.Errorf("%s: waited = %v", when, !want)
			}
		}
		check("all are there", 4, 4, false)
		for begun := time.Now(); time.Since(begun) < time.Second; {
			check("one is silent", 3, 4, true)
		}
		check("one is silent for a bound", 3, 4, false)
		check("a second one", 2, 4, true)
		check("one still", 3, 4, false)
		a.confirm([]uint64{1})
		check("somebody was slow", 3, 4, true)
		time.Sleep(time.Second)
		check("silent again", 3, 4, false)
		check("it is back", 4, 4, false)
		check("another is silent", 3, 4, true)
	})
}

// TestPendingIsNotTrusted uses nothing that others may have stored before they hear
// of a purge.
func TestPendingIsNotTrusted(t *testing.T) {
	now := time.Now()
	r := &Remote{wake: make(chan struct{}, 1)}
	r.trust.bound, r.trust.settle, r.pending.limit = time.Second, time.Second, 9
	r.trust.proof.Store(&proof{requested: now, since: now.Add(-time.Hour)})
	if !r.Trusted(now) {
		t.Error("not trusted in contact")
	}
	if d := r.Purge(t.Context(), []cache.TagID{{1}}); !d.Pending || r.Trusted(now) {
		t.Errorf("%+v, trusted %v", d, r.Trusted(now))
	}
	r.pending.delivered(r.pending.next(1))
	if !r.Trusted(now) {
		t.Error("not trusted when all is delivered")
	}
}
