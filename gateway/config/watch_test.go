package config_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
)

// patience bounds every wait; nothing waits that long unless it fails.
const patience = time.Minute

// watched is a running Watcher.
type watched struct {
	*config.Watcher
	path    string
	reloads chan config.Reload
	lines   chan struct{} // there are new ones
	refuse  error         // what Apply returns

	mu      sync.Mutex
	applied []*config.Loaded // what Apply was given
	log     strings.Builder
}

// Write takes the log.
func (w *watched) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.lines <- struct{}{}:
	default:
	}
	return w.log.Write(line)
}

// awaitLog waits for a text in the log: a reload is counted before it is logged.
func (w *watched) awaitLog(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(w.logged(), text) {
		select {
		case <-w.lines:
		case <-time.After(patience):
			t.Fatalf("no line %s in\n%s", text, w.logged())
		}
	}
}

func (w *watched) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func watch(t *testing.T, path string) *watched {
	t.Helper()
	return watchWith(t, config.Options{File: path, Environ: []string{"NAME=debug", "PASSWORD=" + secret}})
}

func watchWith(t *testing.T, options config.Options) *watched {
	t.Helper()
	w := &watched{path: options.File, reloads: make(chan config.Reload, 100), lines: make(chan struct{}, 1)}
	var err error
	w.Watcher, err = config.NewWatcher(config.WatchOptions{
		Options: options,
		Current: load(t, options),
		Live: func(path string, started, next *config.Loaded) bool {
			if path == "redis.timeout" { // an example of what depends on more than its name
				return started.Config.GetRedis().GetMode() == next.Config.GetRedis().GetMode()
			}
			return config.Within(path, "logging.level", "overrides", "auth.jwks_file")
		},
		Apply: func(_ context.Context, next *config.Loaded, _ []config.Change) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.applied = append(w.applied, next)
			return w.refuse
		},
		OnReload: func(r config.Reload) { w.reloads <- r },
		Logger:   slog.New(slog.NewTextHandler(w, nil)),
		Settle:   time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

// await returns the first reload that is as wanted.
func (w *watched) await(t *testing.T, want func(config.Reload) bool) config.Reload {
	t.Helper()
	for {
		select {
		case r := <-w.reloads:
			if want(r) {
				return r
			}
		case <-time.After(patience):
			t.Fatalf("no such reload; log:\n%s", w.logged())
		}
	}
}

func took(r config.Reload) bool    { return r.Err == nil && len(r.Changed) > 0 }
func refused(r config.Reload) bool { return r.Err != nil }

func paths(changes []config.Change) []string {
	var all []string
	for _, change := range changes {
		all = append(all, change.Path)
	}
	return all
}

func (w *watched) level() string { return w.Current().Config.GetLogging().GetLevel().String() }

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

const (
	info  = "logging: {level: info}\n"
	debug = "logging: {level: debug}\n"
)

func TestWatchSeesEveryWayToReplaceAFile(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string) (path string)
		replace func(t *testing.T, dir string)
	}{
		{"written in place", plain, func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, "venta.yaml"), debug)
		}},
		{"written in parts", plain, func(t *testing.T, dir string) {
			file, err := os.OpenFile(filepath.Join(dir, "venta.yaml"), os.O_WRONLY|os.O_TRUNC, 0)
			must(t, err)
			for part := range strings.SplitSeq(debug, "") {
				_, err := file.WriteString(part)
				must(t, err, file.Sync())
			}
			must(t, file.Close())
		}},
		{"renamed over", plain, func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, "next"), debug)
			must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "venta.yaml")))
		}},
		{"moved away and written anew", plain, func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "venta.yaml"), filepath.Join(dir, "venta.yaml~")))
			rewrite(t, filepath.Join(dir, "venta.yaml"), debug)
		}},
		{"Kubernetes volume", volume, func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "..two"), 0o700))
			rewrite(t, filepath.Join(dir, "..two", "venta.yaml"), debug)
			must(t, os.Symlink("..two", filepath.Join(dir, "..data_tmp")))
			must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
			must(t, os.RemoveAll(filepath.Join(dir, "..one")))
		}},
		{"in a folder behind a link", func(t *testing.T, dir string) string {
			for _, release := range []string{"one", "two"} {
				must(t, os.MkdirAll(filepath.Join(dir, "releases", release), 0o700))
			}
			rewrite(t, filepath.Join(dir, "releases", "one", "venta.yaml"), info)
			rewrite(t, filepath.Join(dir, "releases", "two", "venta.yaml"), debug)
			must(t, os.Symlink("releases/one", filepath.Join(dir, "current")))
			return filepath.Join(dir, "current", "venta.yaml")
		}, func(t *testing.T, dir string) {
			must(t, os.Symlink("releases/two", filepath.Join(dir, "next")), os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")))
		}},
		{"behind a link", func(t *testing.T, dir string) string {
			must(t, os.Mkdir(filepath.Join(dir, "elsewhere"), 0o700), os.Mkdir(filepath.Join(dir, "etc"), 0o700))
			rewrite(t, filepath.Join(dir, "elsewhere", "real"), info)
			must(t, os.Symlink("../elsewhere/real", filepath.Join(dir, "etc", "venta.yaml")))
			return filepath.Join(dir, "etc", "venta.yaml")
		}, func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, "elsewhere", "next"), debug)
			must(t, os.Rename(filepath.Join(dir, "elsewhere", "next"), filepath.Join(dir, "elsewhere", "real")))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			w := watch(t, test.prepare(t, dir))
			test.replace(t, dir)
			r := w.await(t, took)
			if diff := cmp.Diff([]string{"logging.level"}, paths(r.Changed)); diff != "" || w.level() != "LEVEL_DEBUG" {
				t.Errorf("%v, level %s", r, w.level())
			}
		})
	}
}

func plain(t *testing.T, dir string) string {
	path := filepath.Join(dir, "venta.yaml")
	rewrite(t, path, info)
	return path
}

// volume lays a file out as Kubernetes mounts a ConfigMap.
func volume(t *testing.T, dir string) string {
	must(t, os.Mkdir(filepath.Join(dir, "..one"), 0o700))
	rewrite(t, filepath.Join(dir, "..one", "venta.yaml"), info)
	must(t, os.Symlink("..one", filepath.Join(dir, "..data")))
	must(t, os.Symlink("..data/venta.yaml", filepath.Join(dir, "venta.yaml")))
	return filepath.Join(dir, "venta.yaml")
}

func TestKubernetesVolumeTwice(t *testing.T) {
	dir := t.TempDir()
	w := watch(t, volume(t, dir))
	for i, level := range []string{"debug", "warn", "error"} {
		folder := "..next" + string(rune('a'+i))
		must(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
		rewrite(t, filepath.Join(dir, folder, "venta.yaml"), "logging: {level: "+level+"}")
		must(t, os.Symlink(folder, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		w.await(t, took)
		if got, want := w.level(), "LEVEL_"+strings.ToUpper(level); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestRefusedReloadsChangeNothing(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"not YAML", "logging: {level: debug", `:1:1: not YAML: did not find expected ',' or '}'`},
		{"two faults", "logging: {level: loud}\nhttp: x\n", ":1:18: logging.level: must be one of debug, info, warn, error, not \"loud\"\nFILE:2:7: http: must be HOST:PORT, not \"x\""},
		{"a file that is not there", "logging: {level: debug}\nauth: {issuer: i, jwks_file: /nowhere}", `:2:30: auth.jwks_file: cannot be read: no such file or directory (/nowhere)`},
		{"empty", " \n", `: the file is empty, as one that is just being written; for the defaults alone, write a comment`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, info)
			w := watch(t, path)
			before := w.Current()
			rewrite(t, path, test.text)
			want := path + strings.ReplaceAll(test.want, "FILE", path)
			r := w.await(t, func(r config.Reload) bool { return r.Err != nil && r.Err.Error() == want })
			if w.Current() != before || len(w.applied) != 0 || r.Changed != nil {
				t.Errorf("changed: %v, applied %v", r, w.applied)
			}
			if w.Last().Err == nil {
				t.Errorf("last %v", w.Last())
			}
			w.awaitLog(t, "configuration refused")
			noSecret(t, w.logged()+r.Err.Error())
			rewrite(t, path, debug)
			w.await(t, took)
			if w.level() != "LEVEL_DEBUG" || w.Last().Err != nil {
				t.Errorf("after the correction: %s, %v", w.level(), w.Last().Err)
			}
		})
	}
}

func TestMissingFileChangesNothing(t *testing.T) {
	path := write(t, info)
	w := watch(t, path)
	must(t, os.Remove(path))
	if r := w.await(t, refused); !errors.Is(r.Err, os.ErrNotExist) || w.level() != "LEVEL_INFO" {
		t.Errorf("%v, %s", r.Err, w.level())
	}
	rewrite(t, path, debug)
	w.await(t, took)
}

func TestApplyMayRefuse(t *testing.T) {
	path := write(t, info)
	w := watch(t, path)
	w.mu.Lock()
	w.refuse = errors.New("no RPC has this name")
	w.mu.Unlock()
	before := w.Current()
	rewrite(t, path, debug)
	r := w.await(t, func(r config.Reload) bool { return r.Err != nil && strings.Contains(r.Err.Error(), "no RPC") })
	if w.Current() != before || r.Changed != nil || w.Last().Err == nil {
		t.Errorf("%v", r)
	}
}

func TestReloadOnDemand(t *testing.T) {
	w := watch(t, write(t, info))
	w.Reload()
	if r := w.await(t, func(config.Reload) bool { return true }); r.Err != nil || r.Changed != nil || len(w.applied) != 0 {
		t.Errorf("%v, applied %v", r, w.applied)
	}
	without := watch(t, "")
	without.Reload()
	if r := without.await(t, func(config.Reload) bool { return true }); r.Err != nil || r.Changed != nil {
		t.Errorf("without a file: %v", r)
	}
}

// TestPositionsFollow: a line that moves an override changes nothing in force,
// and its position is right all the same.
func TestPositionsFollow(t *testing.T) {
	override := "overrides: [{methods: '**', policy: {timeout: {duration: 1s}}}]\n"
	path := write(t, override)
	w := watch(t, path)
	rewrite(t, path, "# a comment\n"+override)
	w.await(t, func(r config.Reload) bool { return r.Err == nil })
	if got := w.Current().Source("overrides[0]").Line; got != 2 {
		t.Errorf("line %d", got)
	}
	rewrite(t, path, strings.Replace(override, "1s", "2s", 1))
	if r := w.await(t, took); cmp.Diff([]string{"overrides[0].policy.timeout.duration"}, paths(r.Changed)) != "" {
		t.Errorf("%v", r.Changed)
	}
}

func TestNewWatcherChecksItsOptions(t *testing.T) {
	loaded := load(t, config.Options{})
	apply := func(context.Context, *config.Loaded, []config.Change) error { return nil }
	for _, o := range []config.WatchOptions{{Apply: apply}, {Current: loaded}, {Apply: apply, Current: loaded, Settle: -1}} {
		if _, err := config.NewWatcher(o); err == nil {
			t.Errorf("no error for %+v", o)
		}
	}
}
