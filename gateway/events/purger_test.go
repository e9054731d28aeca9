package events

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func order(id string) string { return `{"data":{"id":"` + id + `"}}` }

// TestFollowerPurges holds that a process purges by what happens from its start on,
// also where the stream comes later, and goes on where it was when the server was away.
func TestFollowerPurges(t *testing.T) {
	server := serve(t)
	c := server.connect()
	var got purged
	newPurger(t, c, got.options()) // there is no stream yet
	makeStream(t, c)
	await(t, func() bool { return got.everything() == 1 })
	for i := range 20 {
		publish(t, c, "shop.order.changed", fmt.Sprint("m", i), order(fmt.Sprint(i)))
	}
	publish(t, c, "shop.customer.changed", "other", order("none"))
	await(t, func() bool { return got.count("order:19") == 1 })

	server.down()
	await(t, func() bool { return !c.Connected() })
	server.up()
	another := server.connect() // writes before the purger is back, perhaps
	publish(t, another, "shop.order.changed", "away", order("away"))
	await(t, func() bool { return got.count("order:away") == 1 })
	for i := range 20 {
		if n := got.count(fmt.Sprint("order:", i)); n != 1 {
			t.Errorf("order %d was purged %d times", i, n)
		}
	}
	if got.everything() != 1 || got.outcomes(Missed) != 0 {
		t.Errorf("everything was purged %d times, %d by a gap", got.everything(), got.outcomes(Missed))
	}
}

// TestFollowerMissed holds that everything is purged where the stream no longer has
// what a process has not heard, and where it is another stream.
func TestFollowerMissed(t *testing.T) {
	tests := map[string]func(*testing.T, *Conn){
		"retention": func(t *testing.T, c *Conn) {
			for i := range 3 {
				publish(t, c, "shop.order.changed", fmt.Sprint("lost", i), order("lost"))
			}
			s, err := c.js.Stream(bounded(t), stream)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Purge(bounded(t), jetstream.WithPurgeKeep(1)); err != nil {
				t.Fatal(err)
			}
		},
		"another stream": func(t *testing.T, c *Conn) {
			if err := c.js.DeleteStream(bounded(t), stream); err != nil {
				t.Fatal(err)
			}
			makeStream(t, c)
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			server := serve(t)
			c := server.connect()
			makeStream(t, c)
			var got purged
			options := got.options()
			f := &follower{Purger: &Purger{conn: c, opts: options}}
			var err error
			if f.rules, err = parseRules(options.Rules); err != nil {
				t.Fatal(err)
			}
			f.spans = newSpans(nil, stream)
			publish(t, c, "shop.order.changed", "first", order("1"))
			round := func(heard string) {
				t.Helper()
				while, cancel, err := c.await(bounded(t))
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- f.run(while) }()
				await(t, func() bool { return got.everything() > 0 })
				publish(t, c, "shop.order.changed", heard, order(heard))
				await(t, func() bool { return got.count("order:"+heard) > 0 || got.everything() > 0 && got.outcomes(Missed) > 0 })
				cancel()
				<-done
			}
			round("heard")
			change(t, c)
			round("later")
			if got.outcomes(Missed) != 1 {
				t.Errorf("missed %d times", got.outcomes(Missed))
			}
		})
	}
}

// TestUnreadable holds that an event without the values of its rule purges nothing, is
// told, and stops nothing.
func TestUnreadable(t *testing.T) {
	server := serve(t)
	c := server.connect()
	makeStream(t, c)
	var got purged
	newPurger(t, c, got.options())
	await(t, func() bool { return got.everything() == 1 })
	for i, payload := range []string{"", "{", "[]", `{"data":1}`, `{"data":{"id":null}}`, `{"data":{"id":{}}}`} {
		publish(t, c, "shop.order.changed", fmt.Sprint(i), payload)
	}
	publish(t, c, "shop.order.changed", "good", order("good"))
	await(t, func() bool { return got.count("order:good") == 1 })
	if got.outcomes(Unreadable) != 6 {
		t.Errorf("%d were unreadable, want 6", got.outcomes(Unreadable))
	}
}

// TestFleetPurges holds that gateways with one level 2 share a place in the stream:
// each event is handled once, again where it failed, and by the next gateway where all
// were away.
func TestFleetPurges(t *testing.T) {
	server := serve(t)
	c := server.connect()
	makeStream(t, c)
	var got purged
	options := got.options()
	options.Durable = "fleet"
	one, two := newPurger(t, c, options), newPurger(t, server.connect(), options)
	await(t, func() bool { return got.everything() >= 1 })
	for i := range 20 {
		publish(t, c, "shop.order.changed", fmt.Sprint(i), order(fmt.Sprint(i)))
	}
	await(t, func() bool { return got.outcomes(Purged) == 20 })
	for i := range 20 {
		if n := got.count(fmt.Sprint("order:", i)); n != 1 {
			t.Errorf("order %d was purged %d times", i, n)
		}
	}
	got.failWith(errors.New("a gateway does not respond"))
	publish(t, c, "shop.order.changed", "failing", order("failing"))
	await(t, func() bool { return got.outcomes(Failed) == 1 })
	got.failWith(nil)
	await(t, func() bool { return got.outcomes(Purged) == 21 })

	if err := errors.Join(one.Close(), two.Close()); err != nil {
		t.Fatal(err)
	}
	before := got.everything()
	publish(t, c, "shop.order.changed", "alone", order("alone"))
	newPurger(t, c, options)
	await(t, func() bool { return got.count("order:alone") == 1 })
	if got.everything() != before {
		t.Error("everything was purged, too")
	}
	publish(t, c, "shop.order.changed", "bad", "{")
	await(t, func() bool {
		letters, err := c.DeadLetters(stream).List(bounded(t), 0, 10)
		return err == nil && len(letters) == 1 && letters[0].Consumer == "fleet" && letters[0].ID == "bad"
	})
}
