package store

import (
	"context"
	"database/sql"
	"time"
)

const (
	// longest bounds a call that has no deadline of its own: a database that is cut
	// off would hold it for as long as TCP tries.
	longest = 30 * time.Second
	// maxAttempts is how often a call is begun that was undone through no fault of
	// its own.
	maxAttempts = 3
)

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, given := ctx.Deadline(); given {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, longest)
}

// look runs do, which only reads, and again where the connection broke.
func (s *Store) look(ctx context.Context, doing string, do func(context.Context) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := do(ctx)
		if err == nil || attempt == maxAttempts || !s.engine.again(ctx, err) {
			return s.engine.failure(ctx, doing, err)
		}
	}
}

// change is a transaction.
type change struct {
	*sql.Tx

	engine *engine
	now    int64
	told   bool // whether it has events
}

// change runs do in a transaction, which holds all of what do did or nothing. It
// runs again where it was undone for another one's sake or the connection broke, but
// not once it was to be committed: it may have been.
func (s *Store) change(ctx context.Context, doing string, do func(context.Context, *change) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		ended, err := s.attempt(ctx, do)
		if err == nil || ended || attempt == maxAttempts || !s.engine.again(ctx, err) {
			return s.engine.failure(ctx, doing, err)
		}
	}
}

// attempt tells with ended that the transaction was to be committed.
func (s *Store) attempt(ctx context.Context, do func(context.Context, *change) error) (ended bool, err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	c := &change{Tx: tx, engine: s.engine, now: now()}
	if err := do(ctx, c); err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return true, err
	}
	if c.told {
		s.outbox.wake()
	}
	return true, nil
}

// hold waits for a lock that ends with the transaction; "" needs none.
func (c *change) hold(ctx context.Context, lock string) error {
	if lock == "" {
		return nil
	}
	_, err := c.ExecContext(ctx, lock)
	return err
}

// now is the time as the database keeps it.
func now() int64 { return time.Now().UnixMicro() }
