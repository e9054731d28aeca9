package jsonlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway/telemetry/jsonlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writes remembers each call of Write.
type writes struct {
	mu   sync.Mutex
	all  []string
	err  error
	cuts int // how many bytes it leaves out
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p) - w.cuts, w.err
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// each does what must not differ between a line that is made of a record and
// one that is ready.
func each(t *testing.T, test func(t *testing.T, log func(h *jsonlog.Handler, level slog.Level, text string))) {
	t.Helper()
	t.Run("record", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func(h *jsonlog.Handler, level slog.Level, text string) {
				slog.New(h).Log(t.Context(), level, text)
			})
		})
	})
	t.Run("line", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func(h *jsonlog.Handler, level slog.Level, text string) {
				_ = h.WriteLine(level, []byte(`{"msg":"`+text+`"}`)) // Close tells
			})
		})
	})
}

func TestLinesWaitForOneAnother(t *testing.T) {
	each(t, func(t *testing.T, log func(*jsonlog.Handler, slog.Level, string)) {
		w := &writes{}
		h := jsonlog.New(w, jsonlog.Options{})
		for range 10 {
			log(h, slog.LevelInfo, "a")
		}
		time.Sleep(jsonlog.DefaultDelay - time.Nanosecond)
		synctest.Wait()
		if n := w.count(); n != 0 {
			t.Fatalf("written after %d calls, too early", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(w.all) != 1 || strings.Count(w.all[0], "\n") != 10 {
			t.Fatalf("10 lines are written as %q", w.all)
		}
		log(h, slog.LevelInfo, "b") // the timer runs again
		time.Sleep(jsonlog.DefaultDelay)
		synctest.Wait()
		if n := w.count(); n != 2 {
			t.Errorf("%d writes, want 2", n)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWarningsDoNotWait(t *testing.T) {
	each(t, func(t *testing.T, log func(*jsonlog.Handler, slog.Level, string)) {
		w := &writes{}
		h := jsonlog.New(w, jsonlog.Options{})
		log(h, slog.LevelInfo, "before")
		log(h, slog.LevelWarn, "now")
		if got := strings.Join(w.all, ""); strings.Count(got, "\n") != 2 || strings.Index(got, "before") > strings.Index(got, "now") {
			t.Errorf("written at once: %q", w.all)
		}
		if err := h.Close(); err != nil || !complete(w.all) {
			t.Errorf("error %v, written %q", err, w.all)
		}
	})
}

func TestDerivedWarningsDoNotWait(t *testing.T) {
	w := &writes{}
	h := jsonlog.New(w, jsonlog.Options{})
	slog.New(h).With("a", 1).WithGroup("g").Error("now", "b", 2)
	if len(w.all) == 0 || !strings.Contains(w.all[0], `"a":1,"g":{"b":2}`) {
		t.Errorf("written at once: %q", w.all)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestBoundOfWhatWaits(t *testing.T) {
	each(t, func(t *testing.T, log func(*jsonlog.Handler, slog.Level, string)) {
		w := &writes{}
		const most = 256
		h := jsonlog.New(w, jsonlog.Options{MaxBytes: most})
		for i := range 100 {
			log(h, slog.LevelInfo, strings.Repeat("x", i*7%300)+fmt.Sprint(i))
		}
		for _, written := range w.all {
			if len(written) > most && strings.Count(written, "\n") > 1 {
				t.Errorf("%d bytes have waited", len(written))
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if lines := strings.Count(strings.Join(w.all, ""), "\n"); lines != 100 || !complete(w.all) {
			t.Errorf("%d lines, want 100: %q", lines, w.all)
		}
	})
}

// complete reports whether each write holds whole lines of JSON.
func complete(all []string) bool {
	for _, written := range all {
		for line := range strings.Lines(written) {
			if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "\n") {
				return false
			}
		}
	}
	return true
}

func TestCloseLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, log func(*jsonlog.Handler, slog.Level, string)) {
		w := &writes{}
		h := jsonlog.New(w, jsonlog.Options{})
		log(h, slog.LevelInfo, "before")
		if err := h.Close(); err != nil || w.count() != 1 {
			t.Fatalf("error %v, written %q", err, w.all)
		}
		log(h, slog.LevelInfo, "late")
		if got := strings.Join(w.all, ""); !strings.Contains(got, "late") {
			t.Errorf("a late line is lost: %q", got)
		}
		if err := h.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

func TestCloseTellsOfLostLines(t *testing.T) {
	failure := errors.New("no space")
	for name, w := range map[string]*writes{"error": {err: failure}, "short": {cuts: 1}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, log func(*jsonlog.Handler, slog.Level, string)) {
				h := jsonlog.New(w, jsonlog.Options{})
				log(h, slog.LevelInfo, "lost")
				time.Sleep(time.Second) // virtual
				synctest.Wait()
				if err := h.Close(); err == nil || w.err != nil && !errors.Is(err, failure) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestManyLoggers(t *testing.T) {
	w := &writes{}
	h := jsonlog.New(w, jsonlog.Options{MaxBytes: 1 << 10, Delay: time.Microsecond})
	const loggers, each = 8, 500
	var running sync.WaitGroup
	for i := range loggers {
		running.Go(func() {
			for j := range each {
				if j%2 == 0 {
					slog.New(h).Info("record", "from", i)
				} else if err := h.WriteLine(slog.LevelInfo, []byte(`{"msg":"line"}`)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if lines := strings.Count(strings.Join(w.all, ""), "\n"); lines != loggers*each || !complete(w.all) {
		t.Errorf("%d whole lines, want %d", lines, loggers*each)
	}
}

func TestLevel(t *testing.T) {
	w := &writes{}
	h := jsonlog.New(w, jsonlog.Options{Level: slog.LevelError})
	if h.Enabled(context.Background(), slog.LevelWarn) || !h.Enabled(context.Background(), slog.LevelError) {
		t.Error("the level is not kept")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		h := jsonlog.New(w, jsonlog.Options{Delay: -1, MaxBytes: -1})
		slog.New(h).Debug("below the level")
		slog.New(h).Info("waits")
		if n := w.count(); n != 0 {
			t.Errorf("%d writes at once", n)
		}
		time.Sleep(jsonlog.DefaultDelay)
		synctest.Wait()
		if n := w.count(); n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}
