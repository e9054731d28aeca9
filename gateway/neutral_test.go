package gateway_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNeutralExamples holds that the product takes no example from the reference
// system: what a reader of another API meets in comments, remedies and messages
// is a shop.
func TestNeutralExamples(t *testing.T) {
	seen := 0
	for _, root := range []string{".", "../plugins", "../proto/venta/policy", "../proto/venta/config"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "oracle"):
				return filepath.SkipDir
			case entry.IsDir() || !slices.Contains([]string{".go", ".proto", ".yaml", ".json"}, filepath.Ext(path)),
				strings.HasSuffix(path, "_test.go"):
				return nil
			}
			seen++
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i, line := range bytes.Split(text, []byte("\n")) {
				if bytes.Contains(bytes.ToLower(line), []byte("vendor")) {
					t.Errorf("%s:%d: takes its example from the reference system; write one of a shop (shop.v1.OrderService): %s",
						path, i+1, bytes.TrimSpace(line))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Fatalf("only %d files were read", seen)
	}
}
