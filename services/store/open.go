package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Open opens the database in the file at path and brings its schema up to date.
// It makes the file, and its folder, where there is none; several processes may
// do so at once.
//
// A file that is damaged, empty, another application's or of a newer Venta is
// refused and stays as it is. Every error names the path.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("store: the database %s cannot be opened: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (*Store, error) {
	o, err := o.completed()
	if err != nil {
		return nil, err
	}
	if err := prepareFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		err = create(ctx, path)
		if err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case info.Size() == 0 || !info.Mode().IsRegular():
		return nil, errors.New("it is not a database")
	default:
		if err := check(ctx, path); err != nil {
			return nil, err
		}
	}
	return start(ctx, path, o)
}

// prepareFolder makes the folder and proves that files can be made in it: SQLite
// needs that, and would not say why it fails.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, ".venta-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// start opens the pools of a database that has been checked or just been made.
func start(ctx context.Context, path string, o Options) (*Store, error) {
	write, err := o.openSQLite(path, writing, 1)
	if err != nil {
		return nil, err
	}
	read, err := o.openSQLite(path, reading, max(o.PoolSize-1, 1))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	s := newStore(sqliteEngine, read, write)
	if err := errors.Join(sqliteEngine.migrate(ctx, write), s.prepare(ctx), s.measure(o, map[string]*sql.DB{"reading": read, "writing": write})); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newStore(e *engine, read, write *sql.DB) *Store {
	s := &Store{engine: e, read: read, write: write}
	s.outbox = newOutbox(s)
	return s
}

func (s *Store) prepare(ctx context.Context) error {
	var err error
	s.pages, err = loadPageTokens(ctx, s.read)
	return err
}
