package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// lockTimeout is how long others are waited for that open the same database.
const lockTimeout = 30 * time.Second

// lock lets one process at a time make, check and migrate the database at path.
// It is SQLite's own lock on an empty file beside it: that works wherever SQLite
// works, also within one process, and ends with the process.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	path += ".lock"
	db, err := connect(path, locking)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, errors.New("another process holds it"))
	defer cancel()
	conn, err := acquire(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the lock %s was not acquired: %w", path, err), db.Close())
	}
	return func() { _ = errors.Join(conn.Close(), db.Close()) }, nil
}

// acquire tries until the context ends; SQLite itself waits a little each time.
func acquire(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for {
		_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if ctx.Err() != nil || sqliteKind(err) != busy {
			return nil, errors.Join(err, conn.Close())
		}
	}
}
