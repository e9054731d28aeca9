package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFoldersOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string) string { return filepath.Join(dir, path) }
	err = errors.Join(
		os.MkdirAll(at("releases/one"), 0o700),
		os.MkdirAll(at("etc"), 0o700),
		os.WriteFile(at("releases/one/file"), []byte("x"), 0o600),
		os.Symlink("releases/one", at("current")),
		os.Symlink("../current/file", at("etc/link")),
		os.Symlink("loop", at("loop")),
	)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path string
		want []string
	}{
		{"releases/one/file", []string{"releases/one"}},
		{"releases/one/missing", []string{"releases/one"}},
		{"releases/not/yet/missing", []string{"releases"}},
		{"current/file", []string{".", "releases/one"}},
		{"etc/link", []string{"etc", ".", "releases/one"}},
	}
	for _, test := range tests {
		var want []string
		for _, folder := range test.want {
			want = append(want, at(folder))
		}
		if got := foldersOf(at(test.path)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", test.path, got, want)
		}
	}
	if got := foldersOf(at("loop")); !slices.Contains(got, dir) {
		t.Errorf("a link to itself: %v", got)
	}
}
