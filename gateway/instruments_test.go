package gateway_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMetricsAreOfTheList holds that no package makes an instrument but of the list in
// internal/instrument, which docs/metrics.md is written from.
func TestMetricsAreOfTheList(t *testing.T) {
	t.Parallel()
	making := regexp.MustCompile(`\.(Int64|Float64)(Observable)?(Counter|UpDownCounter|Gauge|Histogram)\(|prometheus\.New(Counter|Gauge|Histogram|Summary)`)
	seen := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		listed := filepath.ToSlash(filepath.Dir(path)) == "internal/instrument"
		for _, found := range making.FindAllString(string(source), -1) {
			if seen++; !listed {
				t.Errorf("gateway/%s makes an instrument (%s); put it in gateway/internal/instrument", path, found)
			}
		}
		return nil
	})
	if err != nil || seen < 5 {
		t.Errorf("%d instruments seen, %v: the test looks at the wrong place", seen, err)
	}
}
