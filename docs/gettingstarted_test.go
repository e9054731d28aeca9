// Package docs_test follows the pages that promise that their commands work.
package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const gettingStarted = "getting-started.md"

// maxSteps is what lies between an empty folder and a changed policy, at most.
const maxSteps = 6

var step = regexp.MustCompile(`^[0-9]+\. `)

func TestGettingStarted(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	env := reader(t)
	t.Run("a new API", func(t *testing.T) { newAPI(t, newTerminal(t, env...)) })
	t.Run("a grpc-gateway project", func(t *testing.T) { stockProject(t, newTerminal(t, env...)) })
}

// reader returns the environment of somebody who has Go and nothing of Venta.
// What they install is found in the checkout; everything else in the module
// cache, and only what is missing there is downloaded.
func reader(t *testing.T) []string {
	t.Helper()
	cache := goEnv(t, "GOMODCACHE")
	return []string{
		"GOPROXY=" + proxy(t) + ",file://" + filepath.ToSlash(cache) + "/cache/download," + goEnv(t, "GOPROXY"),
		"GOMODCACHE=" + cache, "GOCACHE=" + goEnv(t, "GOCACHE"), "GOPATH=" + t.TempDir(), "GOBIN=",
		"GOSUMDB=off", "GONOSUMDB=" + ventaModule, "GOFLAGS=", "GOWORK=off", "MAKEFLAGS=",
	}
}

func newAPI(t *testing.T, x *terminal) {
	all := sections(t, gettingStarted)
	steps := 0
	for _, s := range below(t, all, "A new API")[1:] {
		if !step.MatchString(s.title) {
			t.Errorf("%q is no step", s.title)
		}
		steps++
		x.follow(s)
	}
	if steps == 0 || steps > maxSteps {
		t.Errorf("%d steps; at most %d", steps, maxSteps)
	}
	x.stop()
	withProtoc(t, x, below(t, all, "With buf, protoc or go tool")[0])
}

// follow runs a section's blocks, and compares what they print with the block
// behind them.
func (x *terminal) follow(s section) {
	x.t.Helper()
	var out string
	for _, b := range s.blocks {
		switch b.language {
		case "sh":
			start := time.Now()
			out = x.run(b.text)
			x.t.Logf("%5.1f s  %s", time.Since(start).Seconds(), s.title)
		case "text":
			printed(x.t, out, b.text)
		}
	}
}

// withProtoc holds that protoc generates what the project has, but for its own
// version and the lines of policies: it tells plugins where an option begins, not
// where its values stand.
func withProtoc(t *testing.T, x *terminal, s section) {
	t.Helper()
	if _, err := exec.LookPath("protoc"); err != nil {
		t.Log("protoc is not installed (Debian: protobuf-compiler and libprotobuf-dev): its lines were not run")
		return
	}
	generated := []string{
		filepath.Join(x.folder(), "gen", "shop", "v1"),
		filepath.Join(x.folder(), "observability", "prometheus"), filepath.Join(x.folder(), "observability", "grafana"),
	}
	before := texts(t, generated...)
	blocks := s.of("sh")
	x.run(blocks[len(blocks)-1])
	after := texts(t, generated...)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +protoc)\n%s", diff)
	}
	x.run("go vet ./...")
}

var (
	protocVersion = regexp.MustCompile(`(?m)^//.*\bprotoc\s+(v[0-9.]+|\(unknown\))$`)
	linesOfBlocks = regexp.MustCompile(`(?m)^\s*"[A-Za-z.]*": +\{("[a-z_]+": [0-9]+(, )?)+\},$`)
)

// texts returns the generated files of folders, without what protoc gives otherwise.
func texts(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			t.Fatal(len(entries), err)
		}
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			plain := protocVersion.ReplaceAllString(string(text), "")
			files[entry.Name()] = linesOfBlocks.ReplaceAllString(plain, "")
		}
	}
	return files
}
