package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestCreateVendor(t *testing.T) { onEach(t, testCreateVendor) }

func testCreateVendor(t *testing.T, db place) {
	s := db.open(t)
	profile := Profile{
		Name: "Tacos", Description: "Ünïcødé 🌮", Phone: "+1", Email: "a@example.com",
		Website: "https://example.com", ProfileImage: "https://example.com/i.png", Open: true,
	}
	before := time.Now()
	created, err := s.CreateVendor(t.Context(), "user-1", profile)
	if err != nil {
		t.Fatal(err)
	}
	if created.Profile != profile || created.Position != nil || len(created.ID) != 36 || created.ID[14] != '7' {
		t.Errorf("created %+v", created)
	}
	if created.CreatedAt.Location() != time.UTC || created.CreatedAt.Before(before.Truncate(time.Microsecond)) ||
		!created.UpdatedAt.Equal(created.CreatedAt) {
		t.Errorf("created at %s, updated at %s", created.CreatedAt, created.UpdatedAt)
	}
	read, err := s.Vendor(t.Context(), created.ID)
	if diff := cmp.Diff(created, read); err != nil || diff != "" {
		t.Errorf("read: %v\n%s", err, diff)
	}
}

func TestUnknownVendorIsNotFound(t *testing.T) { onEach(t, testUnknownVendorIsNotFound) }

func testUnknownVendorIsNotFound(t *testing.T, db place) {
	s := db.open(t)
	for _, id := range []string{"", "x", "' OR 1=1 --", strings.Repeat("x", 64)} {
		_, err := s.Vendor(t.Context(), id)
		wantCode(t, err, codes.NotFound)
	}
}

func TestUpdateVendorChangesWhatIsGiven(t *testing.T) { onEach(t, testUpdateVendorChangesWhatIsGiven) }

func testUpdateVendorChangesWhatIsGiven(t *testing.T, db place) {
	s := db.open(t)
	text := func(value string) *string { return &value }
	flag := func(value bool) *bool { return &value }
	full := Profile{Name: "n", Description: "d", Phone: "p", Email: "e", Website: "w", ProfileImage: "i", Open: true}
	tests := map[string]struct {
		changes Changes
		want    func(*Profile)
	}{
		"nothing":       {Changes{}, func(*Profile) {}},
		"name":          {Changes{Name: text("N")}, func(p *Profile) { p.Name = "N" }},
		"description":   {Changes{Description: text("D")}, func(p *Profile) { p.Description = "D" }},
		"phone":         {Changes{Phone: text("P")}, func(p *Profile) { p.Phone = "P" }},
		"email":         {Changes{Email: text("E")}, func(p *Profile) { p.Email = "E" }},
		"website":       {Changes{Website: text("W")}, func(p *Profile) { p.Website = "W" }},
		"profile image": {Changes{ProfileImage: text("I")}, func(p *Profile) { p.ProfileImage = "I" }},
		"closed":        {Changes{Open: flag(false)}, func(p *Profile) { p.Open = false }},
		"blanked":       {Changes{Phone: text(""), Website: text("")}, func(p *Profile) { p.Phone, p.Website = "", "" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			created, err := s.CreateVendor(t.Context(), "user-1", full)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.MoveVendor(t.Context(), "user-1", created.ID, Position{Lat: 1, Lng: 2}); err != nil {
				t.Fatal(err)
			}
			want := full
			test.want(&want)
			updated, err := s.UpdateVendor(t.Context(), "user-1", created.ID, AnyRevision, test.changes)
			if diff := cmp.Diff(want, updated.Profile); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if updated.Position == nil || *updated.Position != (Position{Lat: 1, Lng: 2}) {
				t.Errorf("position %v", updated.Position)
			}
			if !updated.CreatedAt.Equal(created.CreatedAt) || updated.UpdatedAt.Before(created.UpdatedAt) {
				t.Errorf("created at %s, updated at %s", updated.CreatedAt, updated.UpdatedAt)
			}
			revision := int64(3) // of the move, and of the change
			if test.changes == (Changes{}) {
				revision = 2
			}
			if created.Revision != 1 || updated.Revision != revision {
				t.Errorf("revision %d, then %d, want %d", created.Revision, updated.Revision, revision)
			}
			read, err := s.Vendor(t.Context(), created.ID)
			if diff := cmp.Diff(updated, read); err != nil || diff != "" {
				t.Errorf("read: %v\n%s", err, diff)
			}
		})
	}
}

func TestOnlyTheOwnerChangesAVendor(t *testing.T) { onEach(t, testOnlyTheOwnerChangesAVendor) }

func testOnlyTheOwnerChangesAVendor(t *testing.T, db place) {
	s := db.open(t)
	vendor := newVendor(t, s, "user-1", "Tacos")
	name := "Stolen"
	for _, other := range []string{"user-2", "", "USER-1"} {
		_, err := s.UpdateVendor(t.Context(), other, vendor.ID, AnyRevision, Changes{Name: &name})
		wantCode(t, err, codes.NotFound)
		_, err = s.UpdateVendor(t.Context(), other, vendor.ID, AnyRevision, Changes{})
		wantCode(t, err, codes.NotFound)
		wantCode(t, s.MoveVendor(t.Context(), other, vendor.ID, Position{}), codes.NotFound)
		wantCode(t, s.DeleteVendor(t.Context(), other, vendor.ID, AnyRevision), codes.NotFound)
	}
	read, err := s.Vendor(t.Context(), vendor.ID)
	if diff := cmp.Diff(vendor, read); err != nil || diff != "" {
		t.Errorf("changed by somebody else: %v\n%s", err, diff)
	}
	if err := s.DeleteVendor(t.Context(), "user-1", vendor.ID, AnyRevision); err != nil {
		t.Error(err)
	}
	wantCode(t, s.DeleteVendor(t.Context(), "user-1", vendor.ID, AnyRevision), codes.NotFound)
}

func TestVendorsInPages(t *testing.T) { onEach(t, testVendorsInPages) }

func testVendorsInPages(t *testing.T, db place) {
	s := db.open(t)
	var created []string
	for i := range 7 {
		created = append(created, newVendor(t, s, fmt.Sprintf("user-%d", i%2), "x").ID)
	}
	for size := 1; size <= 8; size++ {
		var listed []string
		token, pages := "", 0
		for {
			vendors, next, err := s.Vendors(t.Context(), size, token)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, v := range vendors {
				listed = append(listed, v.ID)
			}
			if next == "" {
				break
			}
			token = next
		}
		if !slices.Equal(listed, created) || pages != (len(created)+size-1)/size {
			t.Errorf("size %d: %d pages, %v, want %v", size, pages, listed, created)
		}
	}
}

func TestVendorsOfTheSameInstantAreListedOnce(t *testing.T) {
	onEach(t, testVendorsOfTheSameInstantAreListedOnce)
}

func testVendorsOfTheSameInstantAreListedOnce(t *testing.T, db place) {
	s := db.open(t)
	for range 5 {
		newVendor(t, s, "user-1", "x")
	}
	if _, err := s.write.Exec("UPDATE vendors SET created_at = 1"); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	token := ""
	for range 5 {
		vendors, next, err := s.Vendors(t.Context(), 1, token)
		if err != nil || len(vendors) != 1 {
			t.Fatal(vendors, err)
		}
		seen[vendors[0].ID]++
		token = next
	}
	if len(seen) != 5 || token != "" {
		t.Errorf("seen %v, token %q", seen, token)
	}
}

func TestVendorsRefuses(t *testing.T) { onEach(t, testVendorsRefuses) }

func testVendorsRefuses(t *testing.T, db place) {
	s := db.open(t)
	for range 3 {
		newVendor(t, s, "user-1", "x")
	}
	_, token, err := s.Vendors(t.Context(), 1, "")
	if err != nil || token == "" || len(token) > 256 {
		t.Fatalf("token %q, %v", token, err)
	}
	if _, _, err := db.open(t).Vendors(t.Context(), 2, token); err != nil {
		t.Errorf("another connection refuses the token: %v", err)
	}
	tampered := map[string]string{
		"text":             "abc",
		"cut":              token[:len(token)-1],
		"longer":           token + "A",
		"not base64":       "!" + token[1:],
		"padded":           token + "=",
		"line break":       token[:8] + "\n" + token[8:],
		"no tag":           base64.RawURLEncoding.EncodeToString(make([]byte, 8)),
		"zero tag":         base64.RawURLEncoding.EncodeToString(make([]byte, 60)),
		"another database": otherToken(t, db.another(t)),
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		flipped := slices.Clone(data)
		flipped[i] ^= 1
		tampered[fmt.Sprintf("byte %d", i)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	for name, token := range tampered {
		vendors, _, err := s.Vendors(t.Context(), 1, token)
		if vendors != nil {
			t.Errorf("%s: vendors of a tampered token", name)
		}
		wantField(t, err, "page_token")
	}
	for _, size := range []int{-1, 0, MaxPageSize + 1} {
		_, _, err := s.Vendors(t.Context(), size, "")
		wantField(t, err, "page_size")
	}
}

func otherToken(t *testing.T, db place) string {
	t.Helper()
	s := db.open(t)
	newVendor(t, s, "user-1", "x")
	newVendor(t, s, "user-1", "x")
	_, token, err := s.Vendors(t.Context(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestWritersOfTwoStoresDoNotLoseChanges(t *testing.T) {
	onEach(t, testWritersOfTwoStoresDoNotLoseChanges)
}

func testWritersOfTwoStoresDoNotLoseChanges(t *testing.T, db place) {
	stores := []*Store{db.open(t), db.open(t)}
	vendor := newVendor(t, stores[0], "user-1", "x")
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			s, text := stores[i%2], fmt.Sprint(i)
			_, err := s.UpdateVendor(context.Background(), "user-1", vendor.ID, AnyRevision, []Changes{
				{Name: &text}, {Description: &text}, {Phone: &text}, {Email: &text},
			}[i%4])
			if err != nil {
				t.Error(err)
			}
			if _, err := stores[1-i%2].Vendor(context.Background(), vendor.ID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := stores[0].Vendor(t.Context(), vendor.ID)
	if err != nil || got.Name == "x" || got.Description == "" || got.Phone == "" || got.Email == "" {
		t.Errorf("vendor %+v, %v", got, err)
	}
}

func TestFailures(t *testing.T) { onEach(t, testFailures) }

func testFailures(t *testing.T, db place) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	s := db.open(t)
	_, err := s.Vendor(ended, "x")
	wantCode(t, err, codes.Canceled)
	_, err = s.CreateVendor(late, "user-1", Profile{})
	wantCode(t, err, codes.DeadlineExceeded)

	closed := db.open(t)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = closed.Vendor(t.Context(), "x")
	if _, isStatus := status.FromError(err); err == nil || isStatus {
		t.Errorf("a closed store: %v", err)
	}
	wantCode(t, s.engine.failure(t.Context(), "x", errors.New("anything")), codes.Unknown)
}

func TestAWriterThatNeverGetsTheLockIsBusy(t *testing.T) {
	path := newPath(t)
	s := openStore(t, path)
	brief, err := connect(path, strings.Replace(writing, "=5000", "=10", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = brief.Close() }()
	other := newStore(sqliteEngine, s.read, brief)
	if err := other.AddUser(t.Context(), "user-0", ""); err != nil {
		t.Fatal(err)
	}
	tx, err := s.write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	err = other.AddUser(t.Context(), "user-1", "")
	wantCode(t, err, codes.Unavailable)
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Reason != "BUSY" {
			t.Errorf("reason %s", info.Reason)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := other.AddUser(t.Context(), "user-1", ""); err != nil {
		t.Error(err)
	}
}
