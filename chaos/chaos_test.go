package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/chaos/internal/report"
	"github.com/venta-hq/venta/chaos/internal/scenario"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// TestMain is also a backend: that is this program with an argument of its own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "backend" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestShort runs the short form against the real binary. Its criteria count;
// they measure no time.
func TestShort(t *testing.T) {
	site, err := stage.Open(t.Context(), "", []string{os.Args[0], "backend"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	})
	chosen, err := (&runCommand{Duration: 1, Short: true}).choose()
	if err != nil {
		t.Fatal(err)
	}
	results := together(t.Context(), site, chosen)
	for i, s := range chosen {
		found := <-results[i]
		t.Run(s.Name, func(t *testing.T) {
			if !found.Passed() {
				t.Errorf("%s\n%s", table(t, found), found.Logs)
			}
		})
	}
}

// together runs scenarios side by side, three at a time: they wait more than
// they work.
func together(ctx context.Context, site *stage.Site, chosen []scenario.Scenario) []chan report.Scenario {
	results := make([]chan report.Scenario, len(chosen))
	places := make(chan struct{}, 3)
	for i, s := range chosen {
		results[i] = make(chan report.Scenario, 1)
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			results[i] <- s.Run(ctx, site, scenario.Short())
		}()
	}
	return results
}

// TestAttacks carries out the short form of the attacks on the real binary.
func TestAttacks(t *testing.T) {
	site, err := stage.Open(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, a := range (&attackCommand{Short: true}).choose() {
		t.Run(a.Part+"/"+a.Name, func(t *testing.T) {
			if r := a.Run(t.Context(), site); !r.OK() {
				t.Errorf("got %q, expected %q", r.Got, r.Expected)
			}
		})
	}
}

func table(t *testing.T, found report.Scenario) string {
	t.Helper()
	var b strings.Builder
	if err := report.Table(&b, []report.Scenario{found}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestChoose(t *testing.T) {
	tests := []struct {
		name    string
		command runCommand
		want    int    // scenarios
		wrong   string // of the error
	}{
		{"all", runCommand{Duration: 1}, len(scenario.All()), ""},
		{"two", runCommand{Duration: 1, Scenario: []string{"reload", "latency"}}, 2, ""},
		{"named ones, though not of the short form", runCommand{Duration: 1, Short: true, Scenario: []string{"latency"}}, 1, ""},
		{"unknown", runCommand{Duration: 1, Scenario: []string{"latency", "flood"}}, 0, `no scenario "flood"; there are latency, `},
		{"no duration", runCommand{}, 0, "--duration"},
		{"too long", runCommand{Duration: 101}, 0, "--duration"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chosen, err := test.command.choose()
			if (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Fatalf("error %v, want %q", err, test.wrong)
			}
			if len(chosen) != test.want {
				t.Errorf("%d scenarios, want %d", len(chosen), test.want)
			}
		})
	}
}

func TestShortFormIsAPart(t *testing.T) {
	chosen, err := (&runCommand{Duration: 1, Short: true}).choose()
	if err != nil || len(chosen) == 0 || len(chosen) == len(scenario.All()) {
		t.Errorf("%d of %d scenarios, %v", len(chosen), len(scenario.All()), err)
	}
}

func TestChooseAttacks(t *testing.T) {
	all, short, one := (&attackCommand{}).choose(), (&attackCommand{Short: true}).choose(), (&attackCommand{Part: []string{"held"}}).choose()
	if len(short) == 0 || len(short) >= len(all) || len(one) == 0 || len(one) >= len(all) {
		t.Errorf("%d attacks, %d in short, %d of one part", len(all), len(short), len(one))
	}
	for _, a := range one {
		if a.Part != "held" {
			t.Errorf("%s is of the part %s", a.Name, a.Part)
		}
	}
}
