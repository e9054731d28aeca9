package main

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/plugins/internal/plugintest"
)

var update = flag.Bool("update", false, "rewrite what the cases of internal/testdata expect")

const (
	accepted = "internal/testdata/accepted"
	rejected = "internal/testdata/rejected"
)

// TestAccepted compares all that is generated with the folder want.
func TestAccepted(t *testing.T) {
	plugintest.Cases(t, accepted, func(t *testing.T, dir string) {
		got := plugintest.Outputs(t, generate(plugintest.Request(t, dir)))
		again := plugintest.Outputs(t, generate(plugintest.Request(t, dir)))
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("the same schemas give other files:\n%s", diff)
		}
		compare(t, filepath.Join(dir, "want"), got)
	})
}

// TestRejected compares all that is refused with want.txt.
func TestRejected(t *testing.T) {
	plugintest.Cases(t, rejected, func(t *testing.T, dir string) {
		response := generate(plugintest.Request(t, dir))
		if len(response.GetFile()) > 0 {
			t.Error("files beside an error")
		}
		compare(t, filepath.Join(dir, "want"), map[string]string{"refused.txt": plugintest.Lines(response.GetError())})
	})
}

func TestUnknownOption(t *testing.T) {
	request := plugintest.Request(t, filepath.Join(accepted, "plain"))
	request.Parameter = new("colour=red")
	if got := generate(request).GetError(); !strings.Contains(got, `unknown option "colour"`) {
		t.Errorf("error %q", got)
	}
}

// TestModuleRoot holds that with it a fault is said of the file, as buf says its own.
func TestModuleRoot(t *testing.T) {
	dir := filepath.Join(rejected, "latencies")
	request := plugintest.Request(t, dir)
	request.Parameter = new("module_root=" + dir)
	want := dir + string(filepath.Separator) + request.GetFileToGenerate()[0] + ":"
	if got := generate(request).GetError(); !strings.HasPrefix(got, want) {
		t.Errorf("error %q, want %q...", got, want)
	}
	request.Parameter = new("module_root=nosuch")
	if got := generate(request).GetError(); !strings.Contains(got, "module_root=nosuch") {
		t.Errorf("error %q", got)
	}
}

// compare holds files against those of a folder, or rewrites the folder.
func compare(t *testing.T, folder string, got map[string]string) {
	t.Helper()
	if *update {
		rewrite(t, folder, got)
	}
	want := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(folder, name))
		want[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("generated (-want +got):\n%s", diff)
	}
}

func rewrite(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
