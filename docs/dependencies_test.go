package docs_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

// TestDependencies holds that each direct dependency has its line, with what it
// is for, and that no line outlives its dependency.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, r := range file.Require {
		if !r.Indirect {
			required = append(required, r.Mod.Path)
		}
	}
	listed := listedModules(t, "decisions/0002-dependencies.md")
	slices.Sort(required)
	slices.Sort(listed)
	if diff := cmp.Diff(required, listed); diff != "" {
		t.Errorf("direct dependencies of go.mod (-) and the lines of decision 2 (+):\n%s", diff)
	}
}

// listedModules returns the modules of a page's table. A row may name several.
func listedModules(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "/") {
			continue // prose, or the table's head
		}
		if strings.TrimSpace(cells[2]) == "" {
			t.Errorf("%s: %s does not say what for", page, strings.TrimSpace(cells[1]))
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			modules = append(modules, strings.TrimSpace(name))
		}
	}
	return modules
}
