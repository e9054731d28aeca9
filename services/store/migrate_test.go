package store

import (
	"errors"
	"testing"
)

// TestRevisionOfOlderVendors opens a database of before vendors had revisions.
func TestRevisionOfOlderVendors(t *testing.T) {
	path := newPath(t)
	older, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	vendor := newVendor(t, older, "user-1", "Tacos")
	for _, statement := range []string{
		"ALTER TABLE vendors DROP COLUMN revision",
		"DROP TABLE outbox",
		"DELETE FROM goose_db_version WHERE version_id >= 2",
	} {
		_, failed := older.write.ExecContext(t.Context(), statement)
		err = errors.Join(err, failed)
	}
	if err := errors.Join(err, older.Close()); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, path)
	got, err := s.Vendor(t.Context(), vendor.ID)
	if err != nil || got.Revision != 1 || got.Name != "Tacos" {
		t.Fatalf("%+v %v", got, err)
	}
	name := "Burritos"
	if got, err = s.UpdateVendor(t.Context(), "user-1", vendor.ID, 1, Changes{Name: &name}); err != nil || got.Revision != 2 {
		t.Errorf("%+v %v", got, err)
	}
}
