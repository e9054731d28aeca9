package eventlog

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/services/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const stream = "EVENTS"

var quiet = slog.New(slog.DiscardHandler)

func serve(t testing.TB) *Server {
	t.Helper()
	server, err := Serve(t.TempDir(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	opened, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "venta.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

func start(t testing.TB, url string, outbox Outbox) *Publisher {
	t.Helper()
	p, err := Start(Options{Outbox: outbox, Events: events.Options{URL: url}, Stream: stream, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// got is an event as the stream has it.
type got struct {
	sequence    uint64
	subject, id string
	header      nats.Header
	vendor      string
	revision    int64
}

// read returns the first events of vendors in the stream, once there are as many.
func read(t testing.TB, url string, count int) []got {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	await(ctx, t, func() bool {
		_, err := js.Stream(ctx, stream)
		return err == nil
	})
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"events.vendor.>"}})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	var all []got
	for len(all) < count {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("%d of %d events: %v", len(all), count, err)
		}
		all = append(all, parsed(t, m))
	}
	return all
}

func parsed(t testing.TB, m jetstream.Msg) got {
	t.Helper()
	var envelope struct {
		MessageID string
		Data      struct {
			ID       string
			Revision int64
		}
	}
	if err := json.Unmarshal(m.Data(), &envelope); err != nil {
		t.Fatal(err)
	}
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	id := m.Headers().Get(jetstream.MsgIDHeader)
	if id == "" || id != envelope.MessageID {
		t.Errorf("the header's id is %q, the payload's %q", id, envelope.MessageID)
	}
	return got{meta.Sequence.Stream, m.Subject(), id, m.Headers(), envelope.Data.ID, envelope.Data.Revision}
}

// await asks until it is so. Nothing else tells.
func await(ctx context.Context, t testing.TB, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never is so")
		}
	}
}

// inOrder checks that each vendor's revisions grow, but for copies of one id.
func inOrder(t testing.TB, all []got) {
	t.Helper()
	last, seen := map[string]int64{}, map[string]bool{}
	for _, e := range all {
		if seen[e.id] {
			continue
		}
		seen[e.id] = true
		if e.revision <= last[e.vendor] {
			t.Errorf("vendor %s: revision %d after %d", e.vendor, e.revision, last[e.vendor])
		}
		last[e.vendor] = e.revision
	}
}
