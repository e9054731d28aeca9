package servicetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/venta-hq/venta/internal/postgrestest"
	"github.com/venta-hq/venta/services/store"
)

// onPostgreSQL has new databases be of PostgreSQL. It changes between two runs of
// the tests, never while they run.
var onPostgreSQL bool

// OnEach runs the tests of a binary twice: on SQLite, and on PostgreSQL. It is what
// goleak.VerifyTestMain takes.
type OnEach struct{ M *testing.M }

// Run returns the exit code.
func (e OnEach) Run() int {
	code := e.M.Run()
	onPostgreSQL = true
	fmt.Fprintln(os.Stderr, "on PostgreSQL:")
	return max(code, postgrestest.Main(e.M))
}

// NewPlace returns where a new database is to be: a path, or a URL.
func NewPlace(t testing.TB) string {
	t.Helper()
	if onPostgreSQL {
		return postgrestest.Database(t)
	}
	return filepath.Join(t.TempDir(), "venta.db")
}

func open(ctx context.Context, place string) (*store.Store, error) {
	if strings.HasPrefix(place, "postgres:") {
		return store.OpenPostgreSQL(ctx, place, "", store.Options{PoolSize: 8})
	}
	return store.Open(ctx, place, store.Options{})
}
