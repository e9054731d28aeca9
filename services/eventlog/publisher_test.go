package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/services/store"
)

// write makes vendors and renames each some times.
func write(t testing.TB, s *store.Store, owner string, vendors, renames int) {
	t.Helper()
	for range vendors {
		v, err := s.CreateVendor(t.Context(), owner, store.Profile{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range renames {
			rename(t, s, owner, v.ID, fmt.Sprint(i))
		}
	}
}

func rename(t testing.TB, s *store.Store, owner, id, name string) {
	t.Helper()
	if _, err := s.UpdateVendor(t.Context(), owner, id, 0, store.Changes{Name: &name}); err != nil {
		t.Fatal(err)
	}
}

func emptied(t testing.TB, o Outbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	await(ctx, t, func() bool {
		w, err := o.Waiting(ctx)
		return err == nil && w.Messages == 0
	})
}

// TestPublishes holds that everything written arrives once, in order, by several
// publishers, and that the outbox is empty then.
func TestPublishes(t *testing.T) {
	server, data := serve(t), openStore(t)
	for range 2 {
		p := start(t, server.URL(), data.Outbox())
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	var writing sync.WaitGroup
	for i := range 4 {
		writing.Go(func() { write(t, data, fmt.Sprint("owner", i), 3, 9) })
	}
	writing.Wait()
	emptied(t, data.Outbox())
	all := read(t, server.URL(), 4*3*10)
	inOrder(t, all)
}

// TestLogIsAway holds that writes do not depend on the log, and that nothing is lost
// meanwhile; the log's address changes, as an embedded one's does.
func TestLogIsAway(t *testing.T) {
	folder, data := t.TempDir(), openStore(t)
	server, err := Serve(folder, quiet)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, server.URL(), data.Outbox())
	write(t, data, "owner", 1, 3)
	emptied(t, data.Outbox())
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, data, "owner", 1, 3)
	if waiting, err := data.Outbox().Waiting(t.Context()); err != nil || waiting.Messages == 0 {
		t.Errorf("%+v, %v", waiting, err)
	}
	if err := p.Check(t.Context()); err == nil {
		t.Error("health says that the log is there")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	server, err = Serve(folder, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	p = start(t, server.URL(), data.Outbox())
	// What the end of the first one took comes back by itself.
	all := read(t, server.URL(), 8)
	inOrder(t, all)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseSendsTheLast holds that what was written just before the end is published.
func TestCloseSendsTheLast(t *testing.T) {
	server, data := serve(t), openStore(t)
	p := start(t, server.URL(), data.Outbox())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	await(ctx, t, p.conn.Connected)
	write(t, data, "owner", 1, 2)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err := data.Outbox().Waiting(t.Context()); err != nil || w.Messages != 0 {
		t.Errorf("%+v, %v", w, err)
	}
}

// forgetful is an outbox whose database is away when something is published.
type forgetful struct {
	*store.Outbox
	mu    sync.Mutex
	fails int
}

func (f *forgetful) Published(ctx context.Context, m ...store.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails > 0 {
		f.fails--
		return errors.New("the database is away")
	}
	return f.Outbox.Published(ctx, m...)
}

// Take has short leases, so that the test need not wait.
func (f *forgetful) Take(ctx context.Context, limit int, _ time.Duration) ([]store.Message, error) {
	return f.Outbox.Take(ctx, limit, 50*time.Millisecond)
}

// TestPublishedTwice holds that an event that is published again is stored once.
func TestPublishedTwice(t *testing.T) {
	server, data := serve(t), openStore(t)
	p := start(t, server.URL(), &forgetful{Outbox: data.Outbox(), fails: 3})
	write(t, data, "owner", 1, 4)
	emptied(t, data.Outbox())
	all := read(t, server.URL(), 5)
	inOrder(t, all)
	if last := all[len(all)-1]; last.sequence != 6 { // the owner is one, too
		t.Errorf("the stream has %d events, want 6", last.sequence)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestOneTrace holds that an event carries the trace of the call that wrote it, below
// the span of its publication.
func TestOneTrace(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	server, data := serve(t), openStore(t)
	p, err := Start(Options{
		Outbox: data.Outbox(), Events: events.Options{URL: server.URL()}, Stream: stream, Logger: quiet, TracerProvider: provider,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := provider.Tracer("test").Start(t.Context(), "call")
	if _, err := data.CreateVendor(ctx, "owner", store.Profile{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	span.End()
	all := read(t, server.URL(), 1)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, s := range spans.Ended() {
		if s.Name() != "send events.vendor.created" {
			continue
		}
		if s.Parent().SpanID() != span.SpanContext().SpanID() || s.SpanContext().TraceID() != span.SpanContext().TraceID() {
			t.Error("the span is not below the call's")
		}
		if want := "00-" + s.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"; all[0].header.Get("traceparent") != want {
			t.Errorf("%v, want %s", all[0].header, want)
		}
		return
	}
	t.Errorf("no span of the publication: %v", spans.Ended())
}
