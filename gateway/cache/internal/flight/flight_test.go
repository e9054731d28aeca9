package flight_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

var (
	key     = memory.Variant{Key: memory.Key{Scope: "m"}}
	errLeft = errors.New("the client has left")
)

func newGroup() (*flight.Group, *memory.Generations) {
	tags := memory.NewGenerations(1 << 10)
	return flight.NewGroup(tags), tags
}

// TestJoin holds who leads, and who waits for whom.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, tags := newGroup()
		stamps := func() []memory.Stamp { return tags.Stamp([]string{"a"}) }
		first, leader := g.Join(key, stamps(), time.Time{})
		if !leader || !g.IsOpen(key) {
			t.Fatal("the first leads none")
		}
		if f, leader := g.Join(key, stamps(), time.Time{}); leader || f != first {
			t.Error("the second leads, too")
		}
		if g.Lead(key, stamps()) != nil {
			t.Error("there are two for one key")
		}
		if _, leader := g.Join(memory.Variant{Key: key.Key, Vary: "x"}, stamps(), time.Time{}); !leader {
			t.Error("another variant waits for the first")
		}
		time.Sleep(time.Second)
		later, leader := g.Join(key, stamps(), time.Now())
		if !leader || later == first {
			t.Error("one that may have missed purges is joined")
		}
		tags.Purge(memory.IDOf("a"))
		if _, leader := g.Join(key, stamps(), time.Time{}); !leader {
			t.Error("one that was purged is joined")
		}
		if g.Open() != 2 {
			t.Errorf("%d are open", g.Open())
		}
	})
}

// TestLand holds that all who wait hear of the first outcome, and that one which
// another has replaced does not close that.
func TestLand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, tags := newGroup()
		f := g.Lead(key, tags.Stamp(nil))
		heard := make(chan flight.Outcome, 2)
		for range cap(heard) {
			joined, leader := g.Join(key, tags.Stamp(nil), time.Time{})
			if leader {
				t.Fatal("a follower leads")
			}
			go func() {
				if err := g.Wait(t.Context(), joined); err != nil {
					t.Error(err)
				}
				heard <- joined.Outcome()
			}()
		}
		synctest.Wait()
		tags.PurgeAll()
		if g.Lead(key, tags.Stamp(nil)) == nil {
			t.Fatal("nobody leads after a purge")
		}
		g.Land(f, flight.Outcome{Purged: true})
		g.Land(f, flight.Outcome{Failed: 500})
		for range cap(heard) {
			if outcome := <-heard; outcome != (flight.Outcome{Purged: true}) {
				t.Errorf("heard %+v", outcome)
			}
		}
		if !g.IsOpen(key) {
			t.Error("the flight after the purge was closed")
		}
	})
}

// TestWatch holds that a call goes on while anybody waits for it, and ends with
// the cause of its leader's client when nobody does.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, tags := newGroup()
		f := g.Lead(key, tags.Stamp(nil))
		own, leave := context.WithCancelCause(t.Context())
		call, stop := g.Watch(own, f)
		defer stop()
		if _, leader := g.Join(key, tags.Stamp(nil), time.Time{}); leader {
			t.Fatal("a follower leads")
		}
		follower, give := context.WithCancelCause(t.Context())
		errs := make(chan error, 1)
		go func() { errs <- g.Wait(follower, f) }()
		leave(errLeft)
		synctest.Wait()
		if call.Err() != nil || !g.IsOpen(key) {
			t.Errorf("the call has ended though somebody waits: %v", context.Cause(call))
		}
		errGiven := errors.New("the follower has left")
		give(errGiven)
		if err := <-errs; !errors.Is(err, errGiven) {
			t.Errorf("Wait = %v", err)
		}
		synctest.Wait()
		if !errors.Is(context.Cause(call), errLeft) || g.IsOpen(key) {
			t.Errorf("the call has ended with %v, open %v", context.Cause(call), g.IsOpen(key))
		}
	})
}
