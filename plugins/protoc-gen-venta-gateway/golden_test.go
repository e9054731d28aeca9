package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the cases of internal/testdata expect")

const (
	accepted = "internal/testdata/accepted"
	rejected = "internal/testdata/rejected"
)

// TestAccepted compares all that is generated with the committed *.pb.gw.go, and what
// is warned of with warnings.txt, which is not there where nothing is.
func TestAccepted(t *testing.T) {
	cases(t, accepted, func(t *testing.T, dir string) {
		var warned bytes.Buffer
		got := outputs(t, generate(request(t, dir), &warned))
		warnings := map[string]string{}
		if warned.Len() > 0 {
			warnings["warnings.txt"] = warned.String()
		}
		if *update {
			rewrite(t, dir, "*.pb.gw.go", got)
			rewrite(t, dir, "warnings.txt", warnings)
		}
		if diff := cmp.Diff(committed(t, dir, "*.pb.gw.go"), got); diff != "" {
			t.Errorf("generated code (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(committed(t, dir, "warnings.txt"), warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	})
}

// TestRejected compares all that is refused with the committed want.txt.
func TestRejected(t *testing.T) {
	cases(t, rejected, func(t *testing.T, dir string) {
		var warned bytes.Buffer
		response := generate(request(t, dir), &warned)
		if warned.Len() > 0 {
			t.Errorf("warnings beside an error:\n%s", &warned)
		}
		if len(response.GetFile()) > 0 {
			t.Error("files beside an error")
		}
		got := map[string]string{"want.txt": lines(response.GetError())}
		if *update {
			rewrite(t, dir, "want.txt", got)
		}
		if diff := cmp.Diff(committed(t, dir, "want.txt"), got); diff != "" {
			t.Errorf("refusals (-want +got):\n%s", diff)
		}
	})
}

// committed reads the files of a directory that match, by name.
func committed(t *testing.T, dir, pattern string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, path := range matches(t, dir, pattern) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(content)
	}
	return files
}

// rewrite puts files in the place of those that match.
func rewrite(t *testing.T, dir, pattern string, files map[string]string) {
	t.Helper()
	for _, path := range matches(t, dir, pattern) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func matches(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
