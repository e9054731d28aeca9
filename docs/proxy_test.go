package docs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const ventaModule = "github.com/venta-hq/venta"

// leftOut are the folders that a checkout has and a release has not, and docs:
// with a change of a page alone the version, and what was built of it, stays.
var leftOut = []string{".git", ".venta", "bin", "docs", "third_party"}

// proxy writes a module proxy that serves this checkout, in a version that no
// release has, and returns its URL. The version is made from the content, as the
// module cache, which a developer shares with this test, must never have another
// checkout under its name; with the test the cache forgets it.
func proxy(t *testing.T) string {
	t.Helper()
	var list []zip.File
	for _, path := range checkout(t) {
		list = append(list, source{filepath.Join("..", path), path})
	}
	version := "v0.99.0-checkout." + "h" + contentHash(t, list)
	var archive bytes.Buffer
	if err := zip.Create(&archive, module.Version{Path: ventaModule, Version: version}, list); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, version),
		version + ".mod":  mod,
		version + ".zip":  archive.Bytes(),
	} {
		write(t, filepath.Join(dir, ventaModule, "@v", name), content)
	}
	t.Cleanup(func() { forget(t, version) })
	return "file://" + filepath.ToSlash(dir)
}

// checkout lists the files of this checkout that a program is made from, changed
// ones as they are.
func checkout(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err = filepath.Rel("..", path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(leftOut, path) || strings.HasPrefix(entry.Name(), "testdata-") || otherModule(path)):
			return filepath.SkipDir
		case entry.Type().IsRegular() && path != ".git" && !strings.HasSuffix(path, "_test.go"): // .git is a file in a worktree
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// otherModule tells whether a folder is a module of its own, which no release of
// this one has.
func otherModule(path string) bool {
	_, err := os.Stat(filepath.Join("..", path, "go.mod"))
	return err == nil && path != "."
}

func contentHash(t *testing.T, list []zip.File) string {
	t.Helper()
	hash := sha256.New()
	for _, file := range list {
		content, err := os.ReadFile(file.(source).path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", file.Path(), len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// source is a file of the checkout in a module's archive.
type source struct{ path, name string }

func (s source) Path() string                 { return s.name }
func (s source) Lstat() (os.FileInfo, error)  { return os.Lstat(s.path) }
func (s source) Open() (io.ReadCloser, error) { return os.Open(s.path) }

// forget removes a version from the module cache.
func forget(t *testing.T, version string) {
	cache := goEnv(t, "GOMODCACHE")
	extracted := filepath.Join(cache, ventaModule+"@"+version)
	err := filepath.WalkDir(extracted, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755) // the cache is read-only
		}
		return err
	})
	if err != nil {
		t.Log(err)
	}
	if err := os.RemoveAll(extracted); err != nil {
		t.Error(err)
	}
	downloads, err := filepath.Glob(filepath.Join(cache, "cache", "download", ventaModule, "@v", version+".*"))
	if err != nil {
		t.Error(err)
	}
	for _, path := range downloads {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
