package events

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestDeadLetters holds that what is not handled is tried again, then kept, and handled
// after all when it is replayed: by its consumer alone.
func TestDeadLetters(t *testing.T) {
	server := serve(t)
	c := server.connect()
	makeStream(t, c)
	var broken atomic.Bool
	var tried, handled, others atomic.Int64
	broken.Store(true)
	consume := func(name string, handle func(Message) error) {
		t.Helper()
		made, err := NewConsumer(c, ConsumerOptions{
			Stream: stream, Durable: name, MaxDeliveries: 2,
			Handle: func(_ context.Context, m Message) error { return handle(m) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = made.Close() })
		await(t, func() bool { _, err := c.js.Consumer(bounded(t), stream, name); return err == nil })
	}
	consume("mails", func(m Message) error {
		tried.Add(1)
		if m.ID == "bad" && broken.Load() {
			return errors.New("no\nsuch address")
		}
		handled.Add(1)
		return nil
	})
	consume("others", func(Message) error { others.Add(1); return nil })
	publish(t, c, "shop.order.paid", "bad", order("1"))
	publish(t, c, "shop.order.paid", "good", order("2"))
	dead := c.DeadLetters(stream)
	var letters []DeadLetter
	await(t, func() bool {
		var err error
		letters, err = dead.List(bounded(t), 0, 10)
		return err == nil && len(letters) == 1
	})
	got := letters[0]
	if got.Consumer != "mails" || got.Subject != "shop.order.paid" || got.ID != "bad" || got.Sequence != 1 ||
		got.Deliveries != 2 || got.Reason != "no such address" || string(got.Data) != order("1") {
		t.Errorf("%+v", got)
	}
	if tried.Load() != 3 || handled.Load() != 1 {
		t.Errorf("tried %d, handled %d", tried.Load(), handled.Load())
	}
	broken.Store(false)
	if err := dead.Replay(bounded(t), got); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return handled.Load() == 2 })
	publish(t, c, "shop.order.paid", "last", order("3"))
	await(t, func() bool { return others.Load() == 3 }) // bad, good, last: not the replay
	if letters, err := dead.List(bounded(t), 0, 10); err != nil || len(letters) != 0 {
		t.Errorf("%v, %v", letters, err)
	}
}

// TestCloseGivesBack holds that a consumer that ends finishes what it has begun, and
// that another gets the rest at once.
func TestCloseGivesBack(t *testing.T) {
	server := serve(t)
	c := server.connect()
	makeStream(t, c)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	var finished atomic.Bool
	first, err := NewConsumer(c, ConsumerOptions{Stream: stream, Durable: "one", Handle: func(context.Context, Message) error {
		begun <- struct{}{}
		<-release
		finished.Store(true)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { _, err := c.js.Consumer(bounded(t), stream, "one"); return err == nil })
	for i := range 5 {
		publish(t, c, "shop.order.paid", fmt.Sprint(i), order("1"))
	}
	<-begun
	first.end() // as Close does, which then waits
	close(release)
	if err := first.Close(); err != nil || !finished.Load() {
		t.Errorf("%v, finished %v", err, finished.Load())
	}
	var rest atomic.Int64
	second, err := NewConsumer(c, ConsumerOptions{Stream: stream, Durable: "one", Handle: func(context.Context, Message) error { rest.Add(1); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return rest.Load() == 4 })
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// TestConsumerSpan holds that handling an event is below its publication.
func TestConsumerSpan(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	ctx, parent := provider.Tracer("t").Start(t.Context(), "send")
	m := Message{Subject: "shop.order.paid", Header: nats.Header{}}
	Inject(ctx, m.Header)
	_, span := newSpans(provider, stream).process(t.Context(), m)
	span.End()
	ended := recorder.Ended()
	if len(ended) != 1 || ended[0].Parent().SpanID() != parent.SpanContext().SpanID() || ended[0].Name() != "process SHOP" {
		t.Errorf("%v", ended)
	}
	_, none := newSpans(provider, stream).process(t.Context(), Message{})
	none.End()
	if n := len(recorder.Ended()); n != 1 {
		t.Errorf("%d spans: one without a parent is made", n)
	}
}
