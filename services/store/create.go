package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks the file as Venta's ("VNTA"; SQLite file format, 1.3.16).
const applicationID = 0x564e5441

// create makes the database beside its place and moves it there only when it is
// complete: a crash leaves no half of one behind.
func create(ctx context.Context, path string) error {
	fresh := path + ".new"
	for _, rest := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(fresh + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	// SQLite would let everybody read it.
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// No other process opens it yet, so this handle may outlive SQLite's locks.
	if err := errors.Join(build(ctx, fresh), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// build fills an empty file.
func build(ctx context.Context, path string) error {
	db, err := connect(path, creating)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err == nil {
		err = sqliteEngine.migrate(ctx, db)
	}
	if err == nil {
		err = addPageKey(ctx, db)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	}
	return errors.Join(err, db.Close())
}

// check looks at a file through a connection that cannot write, and refuses what
// is not a sound database of Venta. It reads the whole file once.
//
// The file is never opened but through SQLite: closing it any other way would
// drop the locks that this process may hold on it.
func check(ctx context.Context, path string) error {
	db, err := connect(path, reading)
	if err != nil {
		return err
	}
	err = examine(ctx, db)
	if err == nil {
		err = whole(ctx, db, path)
	}
	return errors.Join(err, db.Close())
}

func examine(ctx context.Context, db *sql.DB) error {
	var id, migrated int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return explain(err)
	}
	if id != applicationID {
		return errors.New("it belongs to another application")
	}
	const tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
	if err := db.QueryRowContext(ctx, tables, sqliteEngine.versionTable).Scan(&migrated); err != nil {
		return explain(err)
	}
	if migrated == 0 {
		return errors.New("it is damaged: the table of its versions is missing")
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return explain(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("it is damaged: %s", verdict)
	}
	return nil
}

// whole refuses a file that ends within a page, which SQLite fills up with
// zeros. Only a crash while the log was written back may leave one; the log is
// then still there and heals it.
func whole(ctx context.Context, db *sql.DB, path string) error {
	var pageSize int64
	if err := db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&pageSize); err != nil {
		return explain(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size()%pageSize == 0 {
		return err
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil
	}
	return errors.New("it is damaged: it ends within a page")
}

// explain says in plain words what SQLite's result means.
func explain(err error) error {
	switch resultCode(err) & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("it is not a database: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("it is damaged: %w", err)
	default:
		return err
	}
}
