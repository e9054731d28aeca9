// Package store keeps the data of all services in one SQLite file.
//
// Several processes may use the file at once. Writers queue, first within the
// process and then for SQLite's lock; readers never wait for them (WAL). The
// statements, all in one place, keep to what PostgreSQL understands too.
//
// Methods return the statuses of package fault for what a caller did wrong, a
// context's end as CANCELED or DEADLINE_EXCEEDED, and other errors as they are.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"google.golang.org/grpc/status"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/venta-hq/venta/services/fault"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	read  *sql.DB
	write *sql.DB // one connection: the process's writers queue fairly
	pages pageTokens
}

// Ping reports whether the database responds, from its data and not from memory.
// It ends with ctx.
func (s *Store) Ping(ctx context.Context) error {
	var rows int
	return failure(ctx, "ping", s.read.QueryRowContext(ctx, countSettings).Scan(&rows))
}

// Close ends the store. Calls that are under way fail.
func (s *Store) Close() error {
	// The last connection writes the log back, so it must be the one that may.
	return errors.Join(s.read.Close(), s.write.Close())
}

// transact runs do in a transaction that no other writer overlaps.
func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// failure converts what the database said while doing something into the error
// that a method returns.
func failure(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if busy(err) {
		return fault.Busy()
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}

func busy(err error) bool {
	primary := resultCode(err) & 0xff
	return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED
}

// resultCode returns SQLite's extended result code, or 0 for other errors.
func resultCode(err error) int {
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		return failed.Code()
	}
	return 0
}

// affected converts a change of nothing into NOT_FOUND.
func affected(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	count, err := result.RowsAffected()
	if err == nil && count == 0 {
		return fault.NotFound("vendor")
	}
	return err
}
