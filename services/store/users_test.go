package store

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
)

func count(t *testing.T, s *Store, query string, args ...any) int {
	t.Helper()
	var n int
	if err := s.read.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func emailOf(t *testing.T, s *Store, user string) string {
	t.Helper()
	var email string
	if err := s.read.QueryRow("SELECT email FROM users WHERE id = $1", user).Scan(&email); err != nil {
		t.Fatal(err)
	}
	return email
}

func TestAddUserKeepsTheFirstReport(t *testing.T) { onEach(t, testAddUserKeepsTheFirstReport) }

func testAddUserKeepsTheFirstReport(t *testing.T, db place) {
	s := db.open(t)
	newVendor(t, s, "user-1", "made before the report")
	for _, email := range []string{"", "first@example.com", "second@example.com", ""} {
		if err := s.AddUser(t.Context(), "user-1", email); err != nil {
			t.Fatal(err)
		}
	}
	if got := emailOf(t, s, "user-1"); got != "first@example.com" {
		t.Errorf("e-mail address %q", got)
	}
	if n := count(t, s, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users", n)
	}
}

func TestDeleteUserRemovesWhatHangsOnIt(t *testing.T) { onEach(t, testDeleteUserRemovesWhatHangsOnIt) }

func testDeleteUserRemovesWhatHangsOnIt(t *testing.T, db place) {
	s := db.open(t)
	gone, stays := newVendor(t, s, "user-1", "x"), newVendor(t, s, "user-2", "x")
	for _, user := range []string{"user-1", "user-2"} {
		if err := s.SetSubscription(t.Context(), user, Subscription{ID: "s", Product: "p"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.DeleteUser(t.Context(), "user-1"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Vendor(t.Context(), gone.ID)
	wantCode(t, err, codes.NotFound)
	if _, err := s.Vendor(t.Context(), stays.ID); err != nil {
		t.Error(err)
	}
	for _, table := range []string{"users", "vendors", "subscriptions"} {
		if n := count(t, s, "SELECT count(*) FROM "+table); n != 1 {
			t.Errorf("%d %s, want the other user's", n, table)
		}
	}
}

func TestDeleteUserIsOneTransaction(t *testing.T) { onEach(t, testDeleteUserIsOneTransaction) }

func testDeleteUserIsOneTransaction(t *testing.T, db place) {
	s := db.open(t)
	vendor := newVendor(t, s, "user-1", "x")
	// The last statement fails, so the ones before must not count.
	for _, statement := range db.failingDeletes() {
		if _, err := s.write.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteUser(t.Context(), "user-1"); err == nil {
		t.Fatal("the user was deleted")
	}
	if _, err := s.Vendor(t.Context(), vendor.ID); err != nil {
		t.Errorf("the vendor is gone: %v", err)
	}
	newVendor(t, s, "user-1", "the writer is free again")
}

func TestForeignKeysHold(t *testing.T) { onEach(t, testForeignKeysHold) }

func testForeignKeysHold(t *testing.T, db place) {
	s := db.open(t)
	newVendor(t, s, "user-1", "x")
	if _, err := s.write.Exec(deleteUser, "user-1"); err == nil {
		t.Error("a user with vendors was deleted alone")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := openStore(t, newPath(t))
	if _, err := s.read.Exec(upsertUser, "user-1", "", 0); err == nil {
		t.Error("a connection for reading wrote")
	}
}

func TestSecondPurchaseReplacesTheFirst(t *testing.T) { onEach(t, testSecondPurchaseReplacesTheFirst) }

func testSecondPurchaseReplacesTheFirst(t *testing.T, db place) {
	s := db.open(t)
	for _, sub := range []Subscription{{"s1", "small"}, {"s1", "small"}, {"s2", "large"}} {
		if err := s.SetSubscription(t.Context(), "user-1", sub); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "SELECT count(*) FROM subscriptions WHERE user_id = 'user-1' AND id = 's2' AND product = 'large'"); n != 1 {
		t.Errorf("%d subscriptions of the second purchase", n)
	}
	if n := count(t, s, "SELECT count(*) FROM subscriptions"); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
}

func TestVendorsOf(t *testing.T) { onEach(t, testVendorsOf) }

func testVendorsOf(t *testing.T, db place) {
	s := db.open(t)
	var want []VendorName
	for _, name := range []string{"b", "a", "c"} {
		v := newVendor(t, s, "user-1", name)
		want = append(want, VendorName{v.ID, name})
	}
	newVendor(t, s, "user-2", "d")
	if got, err := s.VendorsOf(t.Context(), "user-1"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if got, err := s.VendorsOf(t.Context(), "user-3"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestVendorsOfIsNeverCutShort(t *testing.T) { onEach(t, testVendorsOfIsNeverCutShort) }

func testVendorsOfIsNeverCutShort(t *testing.T, db place) {
	s := db.open(t)
	fill(t, s, MaxOwnVendors)
	if got, err := s.VendorsOf(t.Context(), "filler"); err != nil || len(got) != MaxOwnVendors {
		t.Errorf("%d vendors, %v", len(got), err)
	}
	newVendor(t, s, "filler", "one too many")
	got, err := s.VendorsOf(t.Context(), "filler")
	wantCode(t, err, codes.FailedPrecondition)
	if got != nil {
		t.Errorf("%d vendors", len(got))
	}
}

// fill adds n vendors of the owner "filler" at once, all on the equator.
func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	if err := s.AddUser(t.Context(), "filler", ""); err != nil {
		t.Fatal(err)
	}
	const statement = `
		WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < $1)
		INSERT INTO vendors (id, owner_id, name, description, phone, email, website, profile_image,
			is_open, lat, lng, created_at, updated_at)
		SELECT 'filler-' || i, 'filler', 'x', '', '', '', '', '', FALSE, 0, 0, i, i FROM series`
	if _, err := s.write.Exec(statement, n); err != nil {
		t.Fatal(err)
	}
}
