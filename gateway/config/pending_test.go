package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
)

// TestWhatNeedsARestartKeepsNothingElse follows a file through its versions.
func TestWhatNeedsARestartKeepsNothingElse(t *testing.T) {
	path := write(t, info)
	w := watch(t, path)
	steps := []struct {
		name, text       string
		changed, pending []string
	}{
		{"a part can change", "logging: {level: debug}\nhttp: a:1\ncache: {max_bytes: 2Mi}\n", []string{"logging.level: LEVEL_INFO -> LEVEL_DEBUG"}, []string{"cache.max_bytes", "http"}},
		{"the rest still can", "logging: {level: warn}\nhttp: a:1\ncache: {max_bytes: 2Mi}\n", []string{"logging.level: LEVEL_DEBUG -> LEVEL_WARN"}, []string{"cache.max_bytes", "http"}},
		{"one is written back", "logging: {level: warn}\nhttp: a:2\n", nil, []string{"http"}},
		{"a block and a secret", "logging: {level: warn}\nredis: {tls: {}, password: '${PASSWORD}'}\n", nil, []string{"redis.password", "redis.tls"}},
		{"what is in the block", "logging: {level: warn}\nredis: {tls: {server_name: a}, password: other}\n", nil, []string{"redis.password", "redis.tls"}},
		{"everything is written back", "logging: {level: info}\n", []string{"logging.level: LEVEL_WARN -> LEVEL_INFO"}, nil},
		{"what may change only now", "redis: {mode: sentinel, addresses: ['a:1'], master_name: m, timeout: 30ms}", nil, []string{"redis.addresses", "redis.master_name", "redis.mode", "redis.timeout"}},
		{"and then can", "redis: {addresses: ['a:1'], timeout: 30ms}", []string{"redis.timeout: 15ms -> 30ms"}, []string{"redis.addresses"}},
	}
	started := w.Current()
	for _, step := range steps {
		rewrite(t, path, step.text)
		r := w.await(t, func(r config.Reload) bool { return r.Err == nil })
		if diff := cmp.Diff(step.changed, changeLines(r.Changed)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.pending, r.Pending); diff != "" {
			t.Errorf("%s: what waits (-want +got):\n%s", step.name, diff)
		}
		if got := pathsOf(config.Changed(started, w.Current()), step.pending); len(got) > 0 {
			t.Errorf("%s: what waits is in force: %v", step.name, got)
		}
	}
	for _, next := range w.applied {
		if next.Config.GetHttp() != "127.0.0.1:8080" || next.Config.GetCache().GetMaxBytes() != 64<<20 || next.Config.GetRedis().GetTls() != nil {
			t.Errorf("Apply was given what waits for a restart: %v", next)
		}
	}
	for _, want := range []string{
		`level=INFO msg="configuration changed" fields="[logging.level: LEVEL_INFO -> LEVEL_DEBUG]"`,
		`level=WARN msg="fields of the configuration wait for a restart; the rest is in force" fields="[cache.max_bytes http]"`,
		`level=INFO msg="no field of the configuration waits for a restart any more"`,
	} {
		w.awaitLog(t, want)
	}
	if n := strings.Count(w.logged(), `fields="[cache.max_bytes http]"`); n != 1 {
		t.Errorf("what waits is logged %d times while it stays the same", n)
	}
	noSecret(t, w.logged())
}

// pathsOf returns the changes of some fields.
func pathsOf(changes []config.Change, fields []string) []string {
	var found []string
	for _, path := range paths(changes) {
		if config.Within(path, fields...) {
			found = append(found, path)
		}
	}
	return found
}

// TestWhatWaitsKeepsItsPlace: a value that a variable gave is not shown when the
// field can change at last.
func TestWhatWaitsKeepsItsPlace(t *testing.T) {
	path := write(t, "redis: {addresses: ['a:1'], timeout: '${TIMEOUT}'}")
	w := watchWith(t, config.Options{File: path, Environ: []string{"TIMEOUT=20ms"}})
	rewrite(t, path, "redis: {addresses: ['a:1'], mode: sentinel, master_name: m, timeout: 30ms}")
	w.await(t, func(r config.Reload) bool { return len(r.Pending) == 3 })
	rewrite(t, path, "redis: {addresses: ['a:1'], timeout: 40ms}")
	if r := w.await(t, took); cmp.Diff([]string{"redis.timeout: [variable] -> 40ms"}, changeLines(r.Changed)) != "" {
		t.Errorf("%v", r.Changed)
	}
}

func TestRefusedReloadsKeepWhatWaits(t *testing.T) {
	path := write(t, info)
	w := watch(t, path)
	rewrite(t, path, info+"http: a:1\n")
	w.await(t, func(r config.Reload) bool { return len(r.Pending) == 1 })
	rewrite(t, path, "logging: {level: loud}\n")
	if r := w.await(t, refused); cmp.Diff([]string{"http"}, r.Pending) != "" {
		t.Errorf("%v", r.Pending)
	}
}

// TestContentsOfFiles: a file that is rotated changes what names it, and a
// password that cannot change keeps no override from taking effect.
func TestContentsOfFiles(t *testing.T) {
	dir := t.TempDir()
	keys, password := filepath.Join(dir, "keys.json"), filepath.Join(t.TempDir(), "password")
	rewrite(t, keys, "one")
	rewrite(t, password, "one")
	text := "auth: {issuer: i, jwks_file: " + keys + "}\nredis: {password_file: " + password + "}\n"
	path := write(t, text)
	w := watch(t, path)

	rewrite(t, filepath.Join(dir, "next"), secret)
	must(t, os.Rename(filepath.Join(dir, "next"), keys))
	r := w.await(t, took)
	if diff := cmp.Diff([]string{"auth.jwks_file: content changed"}, changeLines(r.Changed)); diff != "" || r.Pending != nil {
		t.Errorf("pending %v, changed (-want +got):\n%s", r.Pending, diff)
	}
	if got := w.Current().File("auth.jwks_file").Content.Reveal(); got != secret {
		t.Errorf("in force is %q", got)
	}

	rewrite(t, password, secret)
	if r := w.await(t, func(r config.Reload) bool { return r.Err == nil }); cmp.Diff([]string{"redis.password_file"}, r.Pending) != "" {
		t.Errorf("pending %v", r.Pending)
	}
	if got := w.Current().RedisPassword().Reveal(); got != "one" {
		t.Errorf("in force is %q", got)
	}
	rewrite(t, path, text+"overrides: [{methods: '**', policy: {timeout: {duration: 1s}}}]\n")
	if r := w.await(t, took); cmp.Diff([]string{"overrides[0]"}, paths(r.Changed)) != "" || len(r.Pending) != 1 {
		t.Errorf("%v", r)
	}
	noSecret(t, w.logged())
}

func TestAKeyFileThatComesAndGoes(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "not", "yet", "keys.json")
	path := write(t, info)
	w := watch(t, path)
	rewrite(t, path, debug+"auth: {issuer: i, jwks_file: "+keys+"}\n")
	w.await(t, refused)
	must(t, os.MkdirAll(filepath.Dir(keys), 0o700))
	rewrite(t, keys, "one")
	w.await(t, func(r config.Reload) bool { return len(r.Pending) == 1 && len(r.Changed) == 2 }) // issuer
	must(t, os.Remove(keys))
	w.await(t, refused)
	rewrite(t, keys, "two")
	if r := w.await(t, took); cmp.Diff([]string{"auth.jwks_file: content changed"}, changeLines(r.Changed)) != "" {
		t.Errorf("%v", r)
	}
}

// TestKeysInAKubernetesVolume swaps the folder of a mounted Secret.
func TestKeysInAKubernetesVolume(t *testing.T) {
	dir := t.TempDir()
	fill := func(version, text string) {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		rewrite(t, filepath.Join(dir, version, "keys.json"), text)
		must(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	fill("..one", "one")
	must(t, os.Symlink("..data/keys.json", filepath.Join(dir, "keys.json")))
	elsewhere := filepath.Join(t.TempDir(), "link.json") // and named by way of another folder
	must(t, os.Symlink(filepath.Join(dir, "keys.json"), elsewhere))
	w := watch(t, write(t, "auth: {issuer: i, jwks_file: "+elsewhere+"}\n"))
	for _, version := range []string{"..two", "..three"} {
		fill(version, version)
		w.await(t, took)
		if got := w.Current().File("auth.jwks_file").Content.Reveal(); got != version {
			t.Errorf("in force is %q, not %q", got, version)
		}
	}
}

// TestUpstreamsAndBlocksWait: what waits for a restart may be of an upstream
// whose name has dots, or of a program's block.
func TestUpstreamsAndBlocksWait(t *testing.T) {
	const before = "database: {replicas: [{password: a}]}\n"
	options := withDatabase(t, info+before)
	options.Upstreams = map[string]string{"geo.v1": "a:1", "users": "a:1"}
	w := watchWith(t, options)
	rewrite(t, w.path, debug+"upstreams: {geo.v1: {target: b:2}, default: {connection: {idle_timeout: 1h}}}\ndatabase: {url: other, password: "+secret+", shards: {a-b: {mode: fast}}, replicas: [{password: b}]}\n")
	r := w.await(t, took)
	want := []string{
		"database.password", "database.replicas", "database.shards.a-b", "database.url",
		"upstreams.geo.v1.connection.idle_timeout", "upstreams.geo.v1.target", "upstreams.users.connection.idle_timeout",
	}
	if diff := cmp.Diff(want, r.Pending); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	current := w.Current()
	if got := config.Changed(load(t, withExtensions(options, write(t, debug+before))), current); len(got) > 0 {
		t.Errorf("in force are %v", got)
	}
	if got := current.Secret("database.password").Reveal() + current.Secret("database.replicas[0].password").Reveal(); got != "a" {
		t.Errorf("a password that waits is in force: %q", got)
	}
	rewrite(t, w.path, debug+before)
	w.await(t, func(r config.Reload) bool { return r.Err == nil && r.Pending == nil })
}

func withExtensions(o config.Options, path string) config.Options {
	o.File = path
	return o
}
