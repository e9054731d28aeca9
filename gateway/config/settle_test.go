package config

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settling is a Watcher whose events the test makes, in virtual time.
type settling struct {
	path    string
	events  chan fsnotify.Event
	errors  chan error
	reloads chan Reload
	watcher *Watcher
	watched atomic.Pointer[[]string] // the files that are followed
}

func settle(t *testing.T, test func(*settling)) {
	path := filepath.Join(t.TempDir(), "venta.yaml")
	synctest.Test(t, func(t *testing.T) {
		s := &settling{path: path, events: make(chan fsnotify.Event), errors: make(chan error), reloads: make(chan Reload, 100)}
		s.write(t, "logging: {level: info}")
		current, err := Load(Options{File: path})
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWatcher(WatchOptions{
			Options: Options{File: path}, Current: current, Live: live("logging"),
			Apply:    func(context.Context, *Loaded, []Change) error { return nil },
			OnReload: func(r Reload) { s.reloads <- r },
			Logger:   slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.watcher = w
		nothing, follow := func() error { return nil }, func(paths []string) error { s.watched.Store(&paths); return nil }
		w.open = func() (folders, error) { return folders{s.events, s.errors, follow, nothing}, nil }
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		test(s)
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// live reports the fields that can change.
func live(fields ...string) func(string, *Loaded, *Loaded) bool {
	return func(path string, _, _ *Loaded) bool { return Within(path, fields...) }
}

func (s *settling) write(t *testing.T, text string) {
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// event tells of a change and lets time pass.
func (s *settling) event(after time.Duration) {
	s.events <- fsnotify.Event{Name: s.path, Op: fsnotify.Write}
	time.Sleep(after)
	synctest.Wait()
}

func TestAFileIsReadOnceItIsLeftAlone(t *testing.T) {
	settle(t, func(s *settling) {
		s.write(t, "logging: {lev") // half of it
		s.event(DefaultSettle - time.Nanosecond)
		s.write(t, "logging: {level: debug}")
		s.event(DefaultSettle - time.Nanosecond)
		if len(s.reloads) != 0 {
			t.Fatalf("read too early: %v", <-s.reloads)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(s.reloads) != 1 || (<-s.reloads).Err != nil {
			t.Errorf("%d more reloads", len(s.reloads))
		}
	})
}

func TestEndlessEventsDoNotPutAReloadOff(t *testing.T) {
	settle(t, func(s *settling) {
		s.write(t, "logging: {level: debug}")
		for range 3 * mostSettles { // as of a log file in the same folder
			s.event(DefaultSettle / 2)
		}
		if len(s.reloads) != 1 {
			t.Errorf("%d reloads", len(s.reloads))
		}
	})
}

// TestAChangeTakesEffectWithinASecond, whatever else happens in its folder.
func TestAChangeTakesEffectWithinASecond(t *testing.T) {
	settle(t, func(s *settling) {
		begin := time.Now()
		s.write(t, "logging: {level: debug}")
		for len(s.reloads) == 0 {
			s.event(DefaultSettle / 3)
		}
		if took := (<-s.reloads).Time.Sub(begin); took > time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// TestAFileThatIsRefusedIsRefusedOnce, however often something happens beside it.
func TestAFileThatIsRefusedIsRefusedOnce(t *testing.T) {
	settle(t, func(s *settling) {
		for _, text := range []string{"logging: {lev", "auth: {issuer: i, jwks_file: /nowhere}", ""} {
			s.write(t, text)
			for range 5 {
				s.event(2 * DefaultSettle)
			}
			if len(s.reloads) != 1 || (<-s.reloads).Err == nil {
				t.Errorf("%q: %d more reloads", text, len(s.reloads))
			}
		}
	})
}

func TestLostEventsAreMadeGood(t *testing.T) {
	settle(t, func(s *settling) {
		s.write(t, "logging: {level: debug}")
		s.errors <- errors.New("queue overflow")
		time.Sleep(DefaultSettle)
		synctest.Wait()
		if len(s.reloads) != 1 || (<-s.reloads).Err != nil {
			t.Errorf("%d more reloads", len(s.reloads))
		}
	})
}

// TestFilesAreFollowedOnceTheyAreNamed: nothing happens around a file that
// nobody has watched, so that it is watched at once and looked at again.
func TestFilesAreFollowedOnceTheyAreNamed(t *testing.T) {
	settle(t, func(s *settling) {
		keys := s.path + ".keys"
		s.write(t, "auth: {issuer: i, jwks_file: "+keys+"}")
		s.event(DefaultSettle)
		if got := *s.watched.Load(); !slices.Equal(got, []string{keys, s.path}) || (<-s.reloads).Err == nil {
			t.Errorf("watched are %v", got)
		}
		if err := os.WriteFile(keys, []byte("keys"), 0o600); err != nil { // between the reading and the watching
			t.Fatal(err)
		}
		time.Sleep(DefaultSettle)
		synctest.Wait()
		if len(s.reloads) != 1 || (<-s.reloads).Err != nil {
			t.Errorf("%d more reloads", len(s.reloads))
		}
	})
}

func TestWatchingMayEnd(t *testing.T) {
	settle(t, func(s *settling) {
		close(s.errors)
		close(s.events)
		time.Sleep(DefaultSettle)
		synctest.Wait()
		s.write(t, "logging: {level: debug}")
		s.watcher.Reload()
		synctest.Wait()
		if len(s.reloads) != 1 || (<-s.reloads).Err != nil {
			t.Errorf("%d more reloads", len(s.reloads))
		}
	})
}

func TestWhatIsWrittenBeforeRunIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "venta.yaml")
	synctest.Test(t, func(t *testing.T) {
		s := &settling{path: path}
		s.write(t, "logging: {level: info}")
		current, err := Load(Options{File: path})
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, "logging: {level: debug}")
		ctx, end := context.WithCancel(t.Context())
		w, err := NewWatcher(WatchOptions{
			Options: Options{File: path}, Current: current, Live: live("logging.level"),
			Apply:  func(context.Context, *Loaded, []Change) error { end(); return nil },
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		nothing, follow := func() error { return nil }, func([]string) error { return nil }
		w.open = func() (folders, error) { return folders{follow: follow, close: nothing}, errors.New("no inotify") }
		if err := w.Run(ctx); err != nil || w.Last().Changed == nil {
			t.Errorf("%v, %v", err, w.Last())
		}
	})
}
