// Package store keeps the data of all services: in one SQLite file, or in a
// database of PostgreSQL. Every statement, each migration but one and all of the
// behaviour are the same for both; engine.go holds what is not.
//
// Several processes may use a database at once. With SQLite writers queue, first
// within the process and then for SQLite's lock, and readers never wait for them
// (WAL); with PostgreSQL they wait for the rows that they change.
//
// Methods return the statuses of package fault for what a caller did wrong and for
// a database that cannot be reached, a context's end as CANCELED or
// DEADLINE_EXCEEDED, and other errors as they are. A write that fails while it is
// being committed may have happened; one that returns nil has, and stays.
package store

import (
	"context"
	"database/sql"
	"errors"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	engine *engine
	read   *sql.DB
	write  *sql.DB // SQLite: one connection, as writers queue fairly; PostgreSQL: read
	pages  pageTokens
	outbox *Outbox
	meters meters
}

// Ping reports whether the database responds, from its data and not from memory.
// It ends with ctx.
func (s *Store) Ping(ctx context.Context) error {
	return s.look(ctx, "ping", func(ctx context.Context) error {
		var rows int
		return s.read.QueryRowContext(ctx, countSettings).Scan(&rows)
	})
}

// Close ends the store. Calls that are under way fail.
func (s *Store) Close() error {
	// The last connection writes SQLite's log back, so it must be the one that may.
	return errors.Join(s.meters.close(), s.read.Close(), s.write.Close())
}
