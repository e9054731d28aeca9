package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrations are those of both engines; [engine].others are left out.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. The caller holds the lock, which guards
// more than goose's own would: also what is checked before, and made after.
func (e *engine) migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(e.dialect, db, files, goose.WithTableName(e.versionTable),
		goose.WithExcludeVersions(e.others), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("the migrations are not usable: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("its version cannot be read: %w", err)
	}
	if current > target {
		return fmt.Errorf("it is of a newer Venta: schema %d, this one knows %d", current, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("its schema cannot be brought up to date: %w", err)
	}
	return nil
}
