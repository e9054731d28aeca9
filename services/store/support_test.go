package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// helperPath makes this test binary a process that opens the database, writes
// and ends.
const (
	helperPath = "VENTA_STORE_TEST_PATH"
	helperRuns = 20
)

func TestMain(m *testing.M) {
	if path := os.Getenv(helperPath); path != "" {
		if err := writeAsProcess(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "venta.db")
}

func openStore(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
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
