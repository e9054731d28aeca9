package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/audit"
)

func open(t *testing.T, o audit.Options) *audit.Log {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func actions(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range bytes.Lines(text) {
		var fields map[string]string
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, fields["action"])
	}
	return strings.Join(all, " ")
}

func event(action string) audit.Event {
	return audit.Event{Action: action, Actor: audit.Actor{Kind: audit.Operator}}
}

// TestRotation holds that nothing is lost and nothing cut when the file is renamed,
// removed or opened anew, and that what was there stays.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte(`{"action":"before"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, audit.Options{File: path})
	record := func(action string) {
		t.Helper()
		if err := l.Record(t.Context(), event(action)); err != nil {
			t.Fatal(err)
		}
	}
	record("a")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	record("b")
	if err := errors.Join(os.Rename(path, path+".2"), l.Reopen()); err != nil {
		t.Fatal(err)
	}
	record("c")
	for name, want := range map[string]string{path + ".1": "before a", path + ".2": "b", path: "c"} {
		if got := actions(t, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	open(t, audit.Options{File: path})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestAPartOfALine, of a process that has died, spoils no record.
func TestAPartOfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte(`{"action":"be`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, audit.Options{File: path}).Record(t.Context(), event("a")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "\n{") {
		t.Errorf("%s %v", text, err)
	}
}

// TestAFullDisk holds what becomes of an action whose record cannot be written.
func TestAFullDisk(t *testing.T) {
	for _, required := range []bool{true, false} {
		var log bytes.Buffer
		l := open(t, audit.Options{
			File: "/dev/full", Required: required, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err := l.Guard(t.Context(), event("cache.purge")); (err != nil) != required {
			t.Errorf("required %v: %v", required, err)
		}
		if l.Lost() != 1 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "cache.purge") {
			t.Errorf("%d lost: %s", l.Lost(), &log)
		}
	}
}

func TestARecordComesBackWithItsFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(folder, "audit.log")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, audit.Options{File: path})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if l.Record(t.Context(), event("a")) == nil {
		t.Error("a record without a folder was written")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), event("b")); err != nil || actions(t, path) != "b" {
		t.Errorf("%v %s", err, actions(t, path))
	}
}

// TestNoLevelKeepsARecordBack where they are among the lines of the log.
func TestNoLevelKeepsARecordBack(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	l := open(t, audit.Options{Logger: logger})
	e := event("a")
	e.Actor.Name, e.Err = "kim", errors.New("no")
	if err := l.Record(t.Context(), e); err != nil || !strings.Contains(log.String(), `"action":"a","actor.kind":"operator","actor.name":"kim","error":"no"`) {
		t.Errorf("%v %s", err, &log)
	}
}

func TestTextsAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, audit.Options{File: path})
	e := event("a")
	e.Reason = strings.Repeat("é", 1<<20)
	if err := l.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 8<<10 {
		t.Errorf("%v %v", info.Size(), err)
	}
	var none *audit.Log
	if none.Record(t.Context(), e) != nil || none.Guard(t.Context(), e) != nil || none.Reopen() != nil || none.Close() != nil || none.Lost() != 0 {
		t.Error("a nil log does something")
	}
}
