//go:build linux

package postgrestest

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// shared is the cluster of a test binary, started for the first test that needs it.
var (
	shared    = sync.OnceValues(start)
	used      atomic.Bool
	databases atomic.Int64
)

// Database makes an empty database in the cluster that the tests of this binary
// share, and returns its URL. The binary's TestMain calls [Stop] at its end.
func Database(t testing.TB) string {
	t.Helper()
	used.Store(true)
	s, err := shared()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	return s.Database(t)
}

// Database makes an empty database, whose locale is not C, and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	// English sorts texts otherwise than byte by byte.
	s.Do(t, "postgres", "CREATE DATABASE "+name+` TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`)
	return s.URL(name)
}

// Stop ends the shared cluster, if there is one.
func Stop() error {
	if !used.Load() {
		return nil
	}
	s, err := shared()
	if err != nil {
		return err
	}
	return s.remove()
}

// Main runs the tests of a binary, then Stop.
func Main(m *testing.M) int {
	code := m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		return 1
	}
	return code
}
