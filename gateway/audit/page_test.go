package audit_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/audit"
)

// TestThePageHasEveryFieldAndAction compares the operators' page with what records can
// have.
func TestThePageHasEveryFieldAndAction(t *testing.T) {
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), "### The audit log")
	path := filepath.Join(t.TempDir(), "audit.log")
	all := audit.Event{
		Action: "a", Actor: audit.Actor{Kind: audit.Operator, Name: "n", Address: "1"}, Target: "t", Before: "b", After: "a", Reason: "r", Err: errors.New("e"),
	}
	if err := open(t, audit.Options{File: path}).Record(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	for field := range fields {
		if !strings.Contains(page, "\n| `"+field+"` |") {
			t.Errorf("the page has no field %s", field)
		}
	}
	for _, action := range []string{
		audit.ProcessStart, audit.ProcessStop, audit.ConfigReload, audit.ConfigChange, audit.KeysChange, audit.LogLevelChange,
		audit.OverrideAdd, audit.OverrideRemove, audit.OverrideExpire, audit.CachePurge,
	} {
		if !strings.Contains(page, "`"+action+"`") {
			t.Errorf("the page has no action %s", action)
		}
	}
}
