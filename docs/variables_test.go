package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/telemetry/export"
)

// TestVariables holds the table of OpenTelemetry's variables to those that are
// honoured.
func TestVariables(t *testing.T) {
	page, err := os.ReadFile("configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n## OpenTelemetry's variables\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	var listed []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			listed = append(listed, regexp.MustCompile("OTEL_[A-Z_]+").FindAllString(cells[1], -1)...)
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(export.Variables(), listed); diff != "" {
		t.Errorf("honoured (-) and in the table (+):\n%s", diff)
	}
}
