package store

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/services/fault"
)

// Texts are compared byte by byte, as in Go, whatever the locale of a database is.
func TestOrderOfTexts(t *testing.T) { onEach(t, testOrderOfTexts) }

func testOrderOfTexts(t *testing.T, db place) {
	s := db.open(t)
	ids := []string{"a", "B", "b", "A", "-a", "_a", "ä", "a-b", "ab", "a b", "Z", "é", "\uffff", "🌮", "10", "9", "ss", "ß"}
	for _, id := range ids {
		v := newVendor(t, s, "user-1", id)
		must(t, s.MoveVendor(t.Context(), "user-1", v.ID, Position{Lat: 1, Lng: 1}))
		if _, err := s.write.Exec("UPDATE vendors SET id = $1, created_at = 1 WHERE id = $2", id, v.ID); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Sorted(slices.Values(ids))
	var paged, own, found []string
	for token := ""; ; {
		vendors, next, err := s.Vendors(t.Context(), 3, token)
		must(t, err)
		for _, v := range vendors {
			paged = append(paged, v.ID)
		}
		if token = next; token == "" {
			break
		}
	}
	names, err := s.VendorsOf(t.Context(), "user-1")
	must(t, err)
	for _, v := range names {
		own = append(own, v.ID)
	}
	located, err := s.VendorsIn(t.Context(), box(0, 0, 2, 2))
	must(t, err)
	for _, v := range located {
		found = append(found, v.ID)
	}
	for what, got := range map[string][]string{"pages": paged, "own": own, "box": found} {
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	for _, id := range []string{"aa", "z", "É", "A "} {
		_, err := s.Vendor(t.Context(), id)
		wantCode(t, err, codes.NotFound)
	}
}

// What one engine cannot store, the other one does not either.
func TestTextsThatCannotBeStored(t *testing.T) { onEach(t, testTextsThatCannotBeStored) }

func testTextsThatCannotBeStored(t *testing.T, db place) {
	s, ctx := db.open(t), t.Context()
	vendor := newVendor(t, s, "user-1", "x")
	const bad = "a\x00b"
	text := bad
	_, err := s.CreateVendor(ctx, "user-1", Profile{Description: bad})
	wantField(t, err, "description")
	_, err = s.CreateVendor(ctx, bad, Profile{})
	wantField(t, err, "owner")
	_, err = s.UpdateVendor(ctx, "user-1", vendor.ID, AnyRevision, Changes{Phone: &text})
	wantField(t, err, "phone")
	wantField(t, s.AddUser(ctx, "user-1", bad), "email")
	wantField(t, s.SetSubscription(ctx, bad, Subscription{}), "user_id")
	wantField(t, s.SetSubscription(ctx, "user-1", Subscription{Product: bad}), "product")
	for _, id := range []string{bad, "\xff"} {
		_, err = s.Vendor(ctx, id)
		wantCode(t, err, codes.NotFound)
		_, err = s.UpdateVendor(ctx, "user-1", id, AnyRevision, Changes{})
		wantCode(t, err, codes.NotFound)
		wantCode(t, s.DeleteVendor(ctx, id, vendor.ID, AnyRevision), codes.NotFound)
		wantCode(t, s.MoveVendor(ctx, "user-1", id, Position{}), codes.NotFound)
		must(t, s.DeleteUser(ctx, id))
		if own, err := s.VendorsOf(ctx, id); err != nil || own != nil {
			t.Errorf("%v %v", own, err)
		}
	}
	for _, fine := range []string{"", "'; DROP TABLE vendors --", `\x00 \ % _ $1 ?`, "\u2028\ufeff", strings.Repeat("🌮", 500)} {
		v, err := s.CreateVendor(ctx, "user-1", Profile{Name: fine})
		must(t, err)
		if got, err := s.Vendor(ctx, v.ID); err != nil || got.Name != fine {
			t.Errorf("%q came back as %q: %v", fine, got.Name, err)
		}
	}
}

// Numbers come back as they were.
func TestNumbers(t *testing.T) { onEach(t, testNumbers) }

func testNumbers(t *testing.T, db place) {
	s := db.open(t)
	vendor := newVendor(t, s, "user-1", "x")
	for _, degree := range []float64{0, math.Copysign(0, -1), 5e-324, -1e-17, 0.1 + 0.2, 89.99999999999999, -90} {
		must(t, s.MoveVendor(t.Context(), "user-1", vendor.ID, Position{Lat: degree, Lng: degree}))
		got, err := s.Vendor(t.Context(), vendor.ID)
		must(t, err)
		if got.Position.Lat != degree || math.Signbit(got.Position.Lng) && degree == 0 {
			t.Errorf("%v came back as %v", degree, got.Position)
		}
	}
	// Beyond 32 bits.
	const many = math.MaxInt32 + int64(10)
	if _, err := s.write.Exec("UPDATE vendors SET revision = $1", many); err != nil {
		t.Fatal(err)
	}
	text := "y"
	_, err := s.UpdateVendor(t.Context(), "user-1", vendor.ID, many-1, Changes{Name: &text})
	wantCode(t, err, codes.Aborted)
	got, err := s.UpdateVendor(t.Context(), "user-1", vendor.ID, many, Changes{Name: &text})
	if err != nil || got.Revision != many+1 {
		t.Errorf("%+v %v", got, err)
	}
	must(t, s.DeleteVendor(t.Context(), "user-1", vendor.ID, many+1))
}

// A clock that is behind, such as another machine's, changes no order and takes no
// time back.
func TestClocksOfOthers(t *testing.T) { onEach(t, testClocksOfOthers) }

func testClocksOfOthers(t *testing.T, db place) {
	s := db.open(t)
	first := newVendor(t, s, "user-1", "first")
	ahead := now() + (30 * time.Second).Microseconds()
	if _, err := s.write.Exec("UPDATE vendors SET created_at = $1, updated_at = $1", ahead); err != nil {
		t.Fatal(err)
	}
	_, token, err := s.Vendors(t.Context(), 1, "")
	must(t, err)
	second := newVendor(t, s, "user-1", "second")
	if second.CreatedAt.UnixMicro() != ahead+1 {
		t.Errorf("created at %s", second.CreatedAt)
	}
	if token != "" {
		t.Error("there is another page")
	}
	text := "changed"
	got, err := s.UpdateVendor(t.Context(), "user-1", first.ID, AnyRevision, Changes{Name: &text})
	if err != nil || got.UpdatedAt.UnixMicro() != ahead {
		t.Errorf("updated at %s: %v", got.UpdatedAt, err)
	}
	// One that is far ahead is wrong, and not followed.
	if _, err := s.write.Exec("UPDATE vendors SET created_at = $1", ahead+maxSkew.Microseconds()); err != nil {
		t.Fatal(err)
	}
	if third := newVendor(t, s, "user-1", "third"); time.Since(third.CreatedAt).Abs() > maxSkew {
		t.Errorf("created at %s", third.CreatedAt)
	}
}

// Who reads page by page while others create misses none.
func TestPagesWhileOthersCreate(t *testing.T) { onEach(t, testPagesWhileOthersCreate) }

func testPagesWhileOthersCreate(t *testing.T, db place) {
	stores := []*Store{db.open(t), db.open(t)}
	var group sync.WaitGroup
	created := make(chan string, 60)
	for i := range 6 {
		group.Go(func() {
			for range 10 {
				v, err := stores[i%2].CreateVendor(t.Context(), "user-"+string(rune('a'+i)), Profile{Name: "x"})
				if err != nil {
					t.Error(err)
					return
				}
				created <- v.ID
			}
		})
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	seen := map[string]bool{}
	after := position{createdAt: math.MinInt64}
	read := func() {
		for {
			vendors, _, err := stores[0].Vendors(t.Context(), 7, stores[0].pages.encode(after))
			must(t, err)
			if len(vendors) == 0 {
				return
			}
			for _, v := range vendors {
				seen[v.ID] = true
				after = position{v.CreatedAt.UnixMicro(), v.ID}
			}
		}
	}
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		read()
	}
	close(created)
	for id := range created {
		if !seen[id] {
			t.Errorf("%s was never listed", id)
		}
	}
}

// A user that is deleted while it creates is deleted with what it has, or creates
// after that.
func TestDeleteWhileCreating(t *testing.T) { onEach(t, testDeleteWhileCreating) }

func testDeleteWhileCreating(t *testing.T, db place) {
	stores := []*Store{db.open(t), db.open(t)}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 15 {
				var err error
				switch i {
				case 0, 1:
					_, err = stores[i%2].CreateVendor(t.Context(), "user-1", Profile{Name: "x"})
				case 2:
					err = stores[i%2].SetSubscription(t.Context(), "user-1", Subscription{ID: "s", Product: "p"})
				default:
					err = stores[i%2].DeleteUser(t.Context(), "user-1")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	must(t, stores[0].DeleteUser(t.Context(), "user-1"))
	for _, table := range []string{"users", "vendors", "subscriptions"} {
		if n := count(t, stores[0], "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d %s", n, table)
		}
	}
}

// The same errors mean the same.
func TestFailuresOfTheDatabase(t *testing.T) { onEach(t, testFailuresOfTheDatabase) }

func testFailuresOfTheDatabase(t *testing.T, db place) {
	s := db.open(t)
	vendor := newVendor(t, s, "user-1", "x")
	ctx := t.Context()
	exec := func(statement string, args ...any) error {
		return s.change(ctx, "try", func(ctx context.Context, c *change) error {
			_, err := c.ExecContext(ctx, statement, args...)
			return err
		})
	}
	err := exec("INSERT INTO users (id, email, created_at) VALUES ($1, '', 1)", "user-1")
	wantCode(t, err, codes.AlreadyExists)
	wantReason(t, err, fault.ReasonExists)
	for _, statement := range []string{
		"DELETE FROM users",                                // others hang on it
		"UPDATE vendors SET lat = 91, lng = 0",             // not on the map
		"UPDATE vendors SET name = NULL",                   // required
		"SELECT nothing FROM nowhere", "this is no SQL, 1", // ours
	} {
		if _, isStatus := status.FromError(exec(statement)); isStatus {
			t.Errorf("%s: a status", statement)
		}
	}
	for _, statement := range db.filling() {
		if _, err := s.write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 { // until it is full
		if _, err = s.CreateVendor(ctx, "user-1", Profile{Description: strings.Repeat("x", 4000)}); err != nil {
			break
		}
	}
	wantCode(t, err, codes.Unavailable)
	wantReason(t, err, fault.ReasonStoreUnavailable)
	if fault.Cause(err) == nil || strings.Contains(err.Error(), "full") || strings.Contains(err.Error(), "disk") {
		t.Errorf("the cause %v, in %v", fault.Cause(err), err)
	}
	if _, err := s.Vendor(ctx, vendor.ID); err != nil {
		t.Errorf("what is there cannot be read: %v", err)
	}
}

// filling are statements after which a database is full.
func (p place) filling() []string {
	if p.isURL() {
		return []string{
			`CREATE FUNCTION filled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$`,
			`CREATE TRIGGER filled BEFORE INSERT ON vendors FOR EACH ROW EXECUTE FUNCTION filled()`,
		}
	}
	return []string{"PRAGMA max_page_count = 40"}
}

func wantReason(t testing.TB, err error, reason string) {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetReason() == reason {
			return
		}
	}
	t.Errorf("error %v, want the reason %s", err, reason)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKindsOfErrors(t *testing.T) {
	for _, e := range []*engine{sqliteEngine, postgresqlEngine} {
		if e.classify(nil) != unexpected || e.classify(errors.New("any")) != unexpected {
			t.Errorf("%s knows every error", e.name)
		}
	}
}
