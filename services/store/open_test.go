package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOpenMakesAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub folder?", "a%20#&.db")
	newVendor(t, openStore(t, path), "user-1", "Tacos")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished file is still there: %v", err)
	}
}

func TestOpenAgainKeepsTheData(t *testing.T) { onEach(t, testOpenAgainKeepsTheData) }

func testOpenAgainKeepsTheData(t *testing.T, db place) {
	first := db.open(t)
	vendor := newVendor(t, first, "user-1", "Tacos")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := db.open(t).Vendor(t.Context(), vendor.ID); err != nil || got.Name != "Tacos" {
		t.Errorf("vendor %+v, %v", got, err)
	}
}

// The last connection to be closed may be a reader's, which cannot write the log
// back. The log must then stay.
func TestLastReaderKeepsTheLog(t *testing.T) {
	path := newPath(t)
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	vendor := newVendor(t, s, "user-1", "Tacos")
	if err := errors.Join(s.Ping(t.Context()), s.write.Close(), s.read.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t, path).Vendor(t.Context(), vendor.ID); err != nil {
		t.Error(err)
	}
}

func TestOpenAfterACrashDuringCreation(t *testing.T) {
	path := newPath(t)
	for _, rest := range []string{".new", ".new-journal", ".new-wal"} {
		if err := os.WriteFile(path+rest, []byte("half of a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newVendor(t, openStore(t, path), "user-1", "Tacos")
}

// foreign makes a database that Venta did not make.
func foreign(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// filled makes a sound database of a hundred pages.
func filled(t *testing.T, path string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 4000)
	for range 50 {
		if _, err := s.CreateVendor(t.Context(), "user-1", Profile{Name: "x", Description: text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// edit changes the bytes of a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAndKeeps(t *testing.T) {
	tests := map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"random bytes": {func(t *testing.T, path string) {
			noise := make([]byte, 16384)
			_, _ = rand.Read(noise)
			if err := os.WriteFile(path, noise, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is not a database"},
		"few bytes": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("SQLite format 3\x00"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is not a database"},
		"empty": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is not a database"},
		"folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "it is not a database"},
		"cut in half": {func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(data []byte) []byte { return data[:len(data)/2] })
		}, "it is damaged"},
		"cut to a page": {func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(data []byte) []byte { return data[:4096] })
		}, "it is damaged"},
		"cut within a page": {func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(data []byte) []byte { return data[:len(data)-1000] })
		}, "it is damaged"},
		"noise within": {func(t *testing.T, path string) {
			filled(t, path)
			edit(t, path, func(data []byte) []byte {
				_, _ = rand.Read(data[40960:57344])
				return data
			})
		}, "it is damaged"},
		"another application": {func(t *testing.T, path string) {
			foreign(t, path, "CREATE TABLE notes (text TEXT)", "PRAGMA application_id = 1")
		}, "it belongs to another application"},
		"another application with goose": {func(t *testing.T, path string) {
			foreign(t, path, "CREATE TABLE goose_db_version (id INTEGER)")
		}, "it belongs to another application"},
		"another application with a log": {func(t *testing.T, path string) {
			origin := filepath.Join(t.TempDir(), "origin.db")
			db, err := sql.Open("sqlite", origin)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			for _, statement := range []string{"PRAGMA journal_mode=WAL", "CREATE TABLE notes (text TEXT)"} {
				if _, err := db.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			for _, rest := range []string{"", "-wal"} {
				data, err := os.ReadFile(origin + rest)
				if err != nil || len(data) == 0 {
					t.Fatalf("%d bytes: %v", len(data), err)
				}
				if err := os.WriteFile(path+rest, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, "it belongs to another application"},
		"without versions": {func(t *testing.T, path string) {
			foreign(t, path, "CREATE TABLE vendors (id TEXT)", "PRAGMA application_id = 0x564e5441")
		}, "it is damaged: the table of its versions is missing"},
		"without a key": {func(t *testing.T, path string) {
			filled(t, path)
			foreign(t, path, "DELETE FROM settings")
		}, "it is damaged: its key for page tokens"},
		"with a short key": {func(t *testing.T, path string) {
			filled(t, path)
			foreign(t, path, "UPDATE settings SET value = 'ab'")
		}, "it is damaged: its key for page tokens is malformed"},
		"of a newer Venta": {func(t *testing.T, path string) {
			filled(t, path)
			foreign(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
		}, "it is of a newer Venta: schema 9999"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			test.make(t, path)
			before := contents(t, path)
			s, err := Open(t.Context(), path, Options{})
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want the path and %q", err, test.want)
			}
			after := contents(t, path)
			for name, data := range before {
				if !bytes.Equal(data, after[name]) {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// contents reads the file and its log.
func contents(t *testing.T, path string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		data, err := os.ReadFile(name)
		if err == nil && len(data) > 0 {
			all[name] = data
		}
	}
	return all
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(file, "venta.db")
	_, err := Open(t.Context(), path, Options{})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("error %v", err)
	}
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	path := newPath(t)
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	gone := errors.New("the caller went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	defer timer.Stop()
	if s, err := Open(ctx, path, Options{}); !errors.Is(err, gone) {
		t.Errorf("store %v, error %v, want %v", s, err, gone)
	}
}

func TestOpenAtOnceInOneProcess(t *testing.T) { onEach(t, testOpenAtOnceInOneProcess) }

func testOpenAtOnceInOneProcess(t *testing.T, db place) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			s, err := db.tryOpen(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			_, err = s.CreateVendor(t.Context(), "user-1", Profile{Name: "x"})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if vendors, err := db.open(t).VendorsOf(t.Context(), "user-1"); err != nil || len(vendors) != 8 {
		t.Errorf("%d vendors, %v", len(vendors), err)
	}
}

func TestOpenAtOnceInSeveralProcesses(t *testing.T) { onEach(t, testOpenAtOnceInSeveralProcesses) }

func testOpenAtOnceInSeveralProcesses(t *testing.T, db place) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), helperPlace+"="+string(db))
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	group.Wait()
	s := db.open(t)
	vendors, err := s.VendorsOf(t.Context(), "user-1")
	if err != nil || len(vendors) != 4*helperRuns {
		t.Errorf("%d vendors, %v", len(vendors), err)
	}
	var versions int
	if err := s.read.QueryRow("SELECT count(*) FROM " + s.engine.versionTable + " WHERE version_id = 1").Scan(&versions); err != nil || versions != 1 {
		t.Errorf("the migration ran %d times, %v", versions, err)
	}
}

func writeAsProcess(db place) error {
	ctx := context.Background()
	s, err := db.tryOpen(ctx)
	if err != nil {
		return err
	}
	for range helperRuns {
		vendor, err := s.CreateVendor(ctx, "user-1", Profile{Name: "x"})
		if err == nil {
			err = s.MoveVendor(ctx, "user-1", vendor.ID, Position{Lat: 1, Lng: 2})
		}
		if err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// A ping looks at the data: a database that has lost it does not serve.
func TestPingReadsTheData(t *testing.T) { onEach(t, testPingReadsTheData) }

func testPingReadsTheData(t *testing.T, db place) {
	s := db.open(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.write.ExecContext(t.Context(), "DROP TABLE settings"); err != nil {
		t.Fatal(err)
	}
	if s.Ping(t.Context()) == nil {
		t.Error("a database without its tables responds")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Ping(ctx) == nil {
		t.Error("it did not end with its context")
	}
}
