package audit_test

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/audit/audittest"
)

// logged is a log that two goroutines may write to.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// long is an event that some of fill any buffer.
func long(action string) audit.Event {
	e := event(action)
	e.Reason = strings.Repeat("x", 2000)
	return e
}

// until yields until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(end) {
			t.Fatal(what)
		}
		runtime.Gosched()
	}
}

// TestADiskThatHangs holds nobody up: what is asked for is refused, what happens by itself
// is counted, nothing piles up, and the records come back with the disk. One of what was
// not done is followed by one that says so.
func TestADiskThatHangs(t *testing.T) {
	path, release := audittest.Hanging(t)
	var log logged
	l := open(t, audit.Options{File: path, Required: true, Limit: 500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	written := 0
	for l.Guard(t.Context(), long("guarded")) == nil {
		if written++; written > 1000 {
			t.Fatal("it takes everything")
		}
	}
	before := runtime.NumGoroutine()
	for range 100 {
		if l.Guard(t.Context(), event("refused")) == nil || l.Record(t.Context(), event("a"), event("b")) == nil {
			t.Fatal("a record was taken")
		}
	}
	if err := l.Reopen(); err == nil {
		t.Error("a file that hangs was opened again")
	}
	if got := l.Lost(); got != 1+100+200 {
		t.Errorf("%d are lost", got)
	}
	if got := runtime.NumGoroutine(); got > before+1 {
		t.Errorf("%d goroutines, %d before", got, before)
	}
	text := release()
	until(t, "no record comes back", func() bool { return l.Guard(t.Context(), event("back")) == nil })
	until(t, "the record is not there", func() bool { return strings.Contains(text.String(), `"action":"back"`) })
	if got := strings.Count(text.String(), `"action":"guarded"`); got != written+2 {
		t.Errorf("%d records of %d that were done, one that was not, and one that says so", got, written)
	}
	if strings.Count(text.String(), "it was not done: the record before this one was on the disk too late") != 1 || strings.Contains(text.String(), "refused") {
		t.Error(text)
	}
	if !strings.Contains(log.String(), "the disk hangs") {
		t.Error(log.String())
	}
}

// TestWhatIsClosedOnADiskThatHangs holds that the end of a process does not wait for it.
func TestWhatIsClosedOnADiskThatHangs(t *testing.T) {
	path, release := audittest.Hanging(t)
	l := open(t, audit.Options{File: path, Limit: 50 * time.Millisecond})
	for l.Record(t.Context(), long("a")) == nil {
		continue
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	release()
	until(t, "the record is not let go", func() bool { return l.Record(t.Context(), event("b")) != nil })
}
