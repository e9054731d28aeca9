package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPromtoolAcceptsRules holds that Prometheus reads each committed file of rules
// and finds nothing to remark.
func TestPromtoolAcceptsRules(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(accepted, "*", "want", "prometheus", "rules.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	files = append(files, "../../deploy/observability/generated/prometheus/rules.yaml")
	promtool(t, append([]string{"check", "rules", "--lint-fatal"}, files...)...)
}

// TestAlerts plays series to the alerts of a shop: internal/testdata/alerts says what
// fires when, and when it clears.
func TestAlerts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("internal/testdata/alerts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of alerts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			promtool(t, "test", "rules", file)
		})
	}
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("%v; make test installs it, as does your system's package manager (prometheus)", err)
	}
	if output, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, output)
	}
}
