package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/internal/postgrestest"
)

// helperPlace makes this test binary a process that opens the database, writes
// and ends.
const (
	helperPlace = "VENTA_STORE_TEST_PLACE"
	helperRuns  = 20
)

func TestMain(m *testing.M) {
	if db := os.Getenv(helperPlace); db != "" {
		if err := writeAsProcess(place(db)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(stopping{m})
}

// stopping ends the shared server after the tests.
type stopping struct{ *testing.M }

// Run implements goleak.TestingM.
func (s stopping) Run() int { return postgrestest.Main(s.M) }

// place is where a database is: a path, or a URL of PostgreSQL.
type place string

// onEach runs a test on a new database of each engine.
func onEach(t *testing.T, test func(*testing.T, place)) {
	t.Run("SQLite", func(t *testing.T) { test(t, place(newPath(t))) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newPostgreSQL(t)) })
}

func newPostgreSQL(t testing.TB) place {
	t.Helper()
	return place(postgrestest.Database(t))
}

func (p place) isURL() bool { return strings.HasPrefix(string(p), "postgres:") }

func (p place) tryOpen(ctx context.Context) (*Store, error) {
	if p.isURL() {
		return OpenPostgreSQL(ctx, string(p), "", Options{PoolSize: 4})
	}
	return Open(ctx, string(p), Options{})
}

// open opens the database once more, until the test ends.
func (p place) open(t testing.TB) *Store {
	t.Helper()
	s, err := p.tryOpen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// another is a new database of the same engine.
func (p place) another(t testing.TB) place {
	t.Helper()
	if p.isURL() {
		return newPostgreSQL(t)
	}
	return place(newPath(t))
}

// failingDeletes are statements after which no user can be deleted.
func (p place) failingDeletes() []string {
	if p.isURL() {
		return []string{
			`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept'; END $$`,
			`CREATE TRIGGER keep BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep()`,
		}
	}
	return []string{`CREATE TRIGGER keep BEFORE DELETE ON users BEGIN SELECT RAISE(ABORT, 'kept'); END`}
}

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "venta.db")
}

func openStore(t testing.TB, path string) *Store {
	t.Helper()
	return place(path).open(t)
}

func newVendor(t testing.TB, s *Store, owner, name string) Vendor {
	t.Helper()
	v, err := s.CreateVendor(t.Context(), owner, Profile{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantCode(t testing.TB, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

// wantField checks that err refuses one field of the request.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	wantCode(t, err, codes.InvalidArgument)
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok && len(bad.FieldViolations) == 1 &&
			bad.FieldViolations[0].Field == field {
			return
		}
	}
	t.Errorf("error %v has no violation of %s", err, field)
}
