package schemas_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/venta-hq/venta/internal/schemas"
)

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	files := []schemas.File{{Path: "a/b.proto", Text: []byte("b")}, {Path: "c.proto", Text: []byte("c")}}
	b, c := filepath.Join(dir, "a", "b.proto"), filepath.Join(dir, "c.proto")

	written, err := schemas.Write(dir, files, false)
	if err != nil || !slices.Equal(written, []string{b, c}) {
		t.Fatal(written, err)
	}
	if written, err = schemas.Write(dir, files, false); err != nil || len(written) != 0 {
		t.Fatal("written again:", written, err)
	}

	if err := os.WriteFile(c, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if written, err = schemas.Write(dir, files, false); !errors.Is(err, schemas.ErrDiffers) || len(written) != 0 {
		t.Fatal(written, err)
	}
	if _, err := os.Stat(b); err == nil {
		t.Error("a refused call has written")
	}
	if written, err = schemas.Write(dir, files, true); err != nil || !slices.Equal(written, []string{b, c}) {
		t.Fatal(written, err)
	}
	for path, want := range map[string]string{b: "b", c: "c"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Error("left behind:", entries, err)
	}
}

func TestWriteStaysInItsFolder(t *testing.T) {
	for _, path := range []string{"../out.proto", "/out.proto", ""} {
		if _, err := schemas.Write(t.TempDir(), []schemas.File{{Path: path}}, true); err == nil {
			t.Errorf("%q was written", path)
		}
	}
}
