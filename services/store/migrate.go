package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

const versionTable = "goose_db_version"

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. The caller holds the lock: goose has
// none of its own for SQLite.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
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
