package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
)

const lease = time.Hour

// take takes all there is.
func take(t testing.TB, s *Store) []Message {
	t.Helper()
	messages, err := s.Outbox().Take(t.Context(), MaxTake, lease)
	must(t, err)
	return messages
}

// due has everything be due that waits for a time.
func due(t testing.TB, s *Store) {
	t.Helper()
	if _, err := s.write.Exec("UPDATE outbox SET next_attempt_at = 0"); err != nil {
		t.Fatal(err)
	}
}

type told struct {
	Type, MessageID, Timestamp string
	Data                       VendorEvent
}

func (m Message) told(t testing.TB) told {
	t.Helper()
	var e told
	must(t, json.Unmarshal(m.Payload, &e))
	return e
}

func subjects(messages []Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, strings.TrimPrefix(m.Subject, "events."))
	}
	return strings.Join(all, " ")
}

// Each change is told once, in order, with what everybody may know.
func TestEveryChangeIsTold(t *testing.T) { onEach(t, testEveryChangeIsTold) }

func testEveryChangeIsTold(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	const owner = "the-owner-of-it"
	must(t, s.AddUser(ctx, owner, "owner@example.com"))
	must(t, s.AddUser(ctx, owner, "owner@example.com")) // known
	vendor, err := s.CreateVendor(ctx, owner, Profile{Name: "Tacos", Email: "tacos@example.com", Open: true})
	must(t, err)
	name := "Burritos"
	_, err = s.UpdateVendor(ctx, owner, vendor.ID, AnyRevision, Changes{Name: &name})
	must(t, err)
	_, err = s.UpdateVendor(ctx, owner, vendor.ID, AnyRevision, Changes{}) // nothing
	must(t, err)
	must(t, s.MoveVendor(ctx, owner, vendor.ID, Position{Lat: 1.5, Lng: -2}))
	must(t, s.SetSubscription(ctx, owner, Subscription{ID: "s", Product: "p"}))
	must(t, s.DeleteVendor(ctx, owner, vendor.ID, AnyRevision))
	left := newVendor(t, s, owner, "Soup")
	must(t, s.DeleteUser(ctx, owner))
	must(t, s.DeleteUser(ctx, owner)) // gone

	messages := take(t, s)
	if got, want := subjects(messages), "user.created vendor.created vendor.updated vendor.location.updated vendor.deleted vendor.created vendor.deleted user.deleted"; got != want {
		t.Fatalf("told %s, want %s", got, want)
	}
	ids := map[string]bool{}
	for _, m := range messages {
		e := m.told(t)
		at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
		if "events."+e.Type != m.Subject || e.MessageID != m.ID || ids[m.ID] || m.Attempts != 1 || err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%+v: %s", m, m.Payload)
		}
		ids[m.ID] = true
		isUser := strings.HasPrefix(e.Type, "user.")
		if strings.Contains(string(m.Payload), owner) != isUser || strings.Contains(string(m.Payload), "owner@example.com") {
			t.Errorf("the owner is told: %s", m.Payload)
		}
		if wantEntity := map[bool]string{true: "user:" + owner, false: "vendor:" + e.Data.ID}[isUser]; m.Entity != wantEntity {
			t.Errorf("%s is of %s", m.Payload, m.Entity)
		}
	}
	created, updated, moved, deleted := messages[1].told(t).Data, messages[2].told(t).Data, messages[3].told(t).Data, messages[4].told(t).Data
	if created.ID != vendor.ID || created.Revision != 1 || created.Profile.Name != "Tacos" || created.Profile.Email != "tacos@example.com" || !created.Profile.IsOpen || created.Coordinates != nil || created.CreatedAt == "" {
		t.Errorf("created %+v", created)
	}
	if updated.Revision != 2 || updated.Profile.Name != name {
		t.Errorf("updated %+v", updated)
	}
	if moved.Revision != 3 || *moved.Coordinates != (Coordinates{1.5, -2}) || moved.Profile != nil {
		t.Errorf("moved %+v", moved)
	}
	if deleted.Revision != 4 || deleted.Profile != nil || messages[6].told(t).Data.ID != left.ID {
		t.Errorf("deleted %+v", deleted)
	}
}

// What did not happen is not told.
func TestWhatFailsIsNotTold(t *testing.T) { onEach(t, testWhatFailsIsNotTold) }

func testWhatFailsIsNotTold(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	vendor := newVendor(t, s, "user-1", "x")
	must(t, s.Outbox().Published(ctx, take(t, s)...))
	text := "y"
	_, err := s.UpdateVendor(ctx, "user-1", vendor.ID, 7, Changes{Name: &text})
	wantCode(t, err, codes.Aborted)
	_, err = s.UpdateVendor(ctx, "user-2", vendor.ID, AnyRevision, Changes{Name: &text})
	wantCode(t, err, codes.NotFound)
	wantCode(t, s.DeleteVendor(ctx, "user-1", vendor.ID, 7), codes.Aborted)
	wantCode(t, s.MoveVendor(ctx, "user-2", vendor.ID, Position{}), codes.NotFound)
	for _, statement := range db.failingDeletes() {
		if _, err := s.write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if s.DeleteUser(ctx, "user-1") == nil {
		t.Error("the user was deleted")
	}
	if got := take(t, s); len(got) != 0 {
		t.Errorf("told %s", subjects(got))
	}
}

// Moves that nobody has taken are one event, of the last position.
func TestMovesAreGathered(t *testing.T) { onEach(t, testMovesAreGathered) }

func testMovesAreGathered(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	vendor, other := newVendor(t, s, "user-1", "x"), newVendor(t, s, "user-1", "y")
	must(t, s.Outbox().Published(ctx, take(t, s)...))
	move := func(id string, lat float64) {
		t.Helper()
		must(t, s.MoveVendor(ctx, "user-1", id, Position{Lat: lat}))
	}
	for lat := range 5 {
		move(vendor.ID, float64(lat))
		move(other.ID, 50)
	}
	if waiting, err := s.Outbox().Waiting(ctx); err != nil || waiting.Messages != 2 {
		t.Errorf("%+v %v", waiting, err)
	}
	due(t, s)
	taken := take(t, s)
	if len(taken) != 2 || taken[0].told(t).Data.Coordinates.Lat != 4 || taken[0].told(t).Data.Revision != 6 || taken[0].told(t).MessageID != taken[0].ID {
		t.Fatalf("taken %+v", taken)
	}
	// What was taken may be published: it stays as it is.
	move(vendor.ID, 10)
	move(vendor.ID, 11)
	if more := take(t, s); len(more) != 0 {
		t.Errorf("taken twice: %+v", more)
	}
	must(t, s.Outbox().Published(ctx, taken...))
	due(t, s)
	taken = take(t, s)
	if len(taken) != 1 || taken[0].told(t).Data.Coordinates.Lat != 11 {
		t.Errorf("taken %+v", taken)
	}
	must(t, s.Outbox().Published(ctx, taken...))
	// Another event ends the wait for more moves, and does not come before them.
	move(vendor.ID, 20)
	text := "z"
	_, err := s.UpdateVendor(ctx, "user-1", vendor.ID, AnyRevision, Changes{Name: &text})
	must(t, err)
	move(vendor.ID, 21) // it waits for more
	if got := subjects(take(t, s)); got != "vendor.location.updated vendor.updated" {
		t.Errorf("taken %s", got)
	}
}

// A message comes back until it is published, and holds up those after it.
func TestMessagesComeBack(t *testing.T) { onEach(t, testMessagesComeBack) }

func testMessagesComeBack(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	outbox := s.Outbox()
	vendor := newVendor(t, s, "user-1", "x")
	text := "y"
	_, err := s.UpdateVendor(ctx, "user-1", vendor.ID, AnyRevision, Changes{Name: &text})
	must(t, err)
	first := take(t, s)
	if got := subjects(first); got != "user.created vendor.created vendor.updated" {
		t.Fatalf("taken %s", got)
	}
	must(t, outbox.Published(ctx, first[0]))
	must(t, outbox.Failed(ctx, first[1]))
	newVendor(t, s, "user-1", "other")
	if got := take(t, s); subjects(got) != "vendor.created" || got[0].Entity == first[1].Entity {
		t.Errorf("taken %+v", got)
	}
	var next int64
	must(t, s.read.QueryRow("SELECT MIN(next_attempt_at) FROM outbox WHERE entity = $1", first[1].Entity).Scan(&next))
	if wait := time.Until(time.UnixMicro(next)); wait > firstBackoff {
		t.Errorf("it waits %s", wait)
	}
	due(t, s)
	again, err := outbox.Take(ctx, 2, 0) // whose lease is over at once
	must(t, err)
	if len(again) != 2 || again[0].ID != first[1].ID || again[0].Attempts != 2 || string(again[0].Payload) != string(first[1].Payload) || again[1].ID != first[2].ID {
		t.Errorf("taken %+v", again)
	}
	if third := take(t, s); len(third) != 3 || third[0].ID != first[1].ID || third[0].Attempts != 3 {
		t.Errorf("taken %+v", third)
	}
	must(t, outbox.Published(ctx))
	wants := map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1 << 30: time.Minute}
	for attempts, want := range wants {
		if got := backoff(attempts); got != want {
			t.Errorf("after %d attempts it waits %s, want %s", attempts, got, want)
		}
	}
}

// What waits and when something comes can be watched.
func TestOutboxIsWatched(t *testing.T) { onEach(t, testOutboxIsWatched) }

func testOutboxIsWatched(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	outbox := s.Outbox()
	if w, err := outbox.Waiting(ctx); err != nil || w != (Waiting{}) {
		t.Errorf("%+v %v", w, err)
	}
	select {
	case <-outbox.Changed():
		t.Error("nothing has changed")
	default:
	}
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	must(t, s.AddUser(trace.ContextWithSpanContext(ctx, parent), "user-1", ""))
	must(t, s.AddUser(ctx, "user-2", ""))
	<-outbox.Changed()
	if w, err := outbox.Waiting(ctx); err != nil || w.Messages != 2 || time.Since(w.Since).Abs() > time.Minute {
		t.Errorf("%+v %v", w, err)
	}
	taken := take(t, s)
	if taken[0].TraceParent != "00-01000000000000000000000000000000-0200000000000000-01" || taken[1].TraceParent != "" {
		t.Errorf("%+v", taken)
	}
}

// Publishers of several processes, some of whose work is lost, publish everything at
// least once, and the events of one vendor in their order.
func TestPublishersAtOnce(t *testing.T) { onEach(t, testPublishersAtOnce) }

func testPublishersAtOnce(t *testing.T, db place) {
	stores := []*Store{db.open(t), db.open(t)}
	var vendors []Vendor
	for i := range 5 {
		vendors = append(vendors, newVendor(t, stores[0], "user-1", fmt.Sprint(i)))
	}
	var writers, publishers sync.WaitGroup
	for i, v := range vendors {
		writers.Go(func() {
			for n := range 12 {
				text := fmt.Sprint(n)
				if _, err := stores[(i+n)%2].UpdateVendor(t.Context(), "user-1", v.ID, AnyRevision, Changes{Name: &text}); err != nil {
					t.Error(err)
				}
				if err := stores[i%2].MoveVendor(t.Context(), "user-1", v.ID, Position{Lat: float64(n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing := make(chan struct{})
	go func() { writers.Wait(); close(writing) }()
	var mu sync.Mutex
	published := map[string][]int64{} // the revisions of each vendor, as they were published
	for i := range 4 {
		publishers.Go(func() { publish(t, stores[i%2], i == 3, writing, &mu, published) })
	}
	publishers.Wait()
	for _, v := range vendors {
		revisions := slices.Clone(published[v.ID])
		if len(revisions) == 0 || revisions[0] != 1 {
			t.Errorf("%s begins with %v", v.ID, revisions)
		}
		last := slices.Max(append(revisions, 0))
		if last != 25 || !slices.IsSorted(slices.Compact(revisions)) {
			t.Errorf("%s: revisions %v", v.ID, revisions)
		}
	}
}

// publish publishes until nothing waits and nobody writes. One that fails does so with
// every third message.
func publish(t *testing.T, s *Store, fails bool, writing <-chan struct{}, mu *sync.Mutex, published map[string][]int64) {
	for n := 0; ; n++ {
		messages, err := s.Outbox().Take(context.Background(), 3, lease)
		if err != nil {
			t.Error(err)
			return
		}
		held := map[string]bool{}
		for i, m := range messages {
			if held[m.Entity] {
				continue // one before it has failed
			}
			if fails && i == n%3 {
				held[m.Entity] = true
				if err := s.Outbox().Failed(context.Background(), m); err != nil {
					t.Error(err)
				}
				continue
			}
			e := m.told(t)
			mu.Lock()
			if e.Data.Revision > 0 {
				published[e.Data.ID] = append(published[e.Data.ID], e.Data.Revision)
			}
			mu.Unlock()
			if err := s.Outbox().Published(context.Background(), m); err != nil {
				t.Error(err)
			}
		}
		if len(messages) > 0 {
			continue
		}
		select {
		case <-writing:
		default:
			continue
		}
		// What failed is due again, but not what others have. It may meet them, and be undone.
		_, _ = s.write.Exec("UPDATE outbox SET next_attempt_at = 0 WHERE next_attempt_at < $1", now()+(lease/2).Microseconds())
		if w, err := s.Outbox().Waiting(context.Background()); err != nil || w.Messages == 0 {
			return
		}
	}
}
