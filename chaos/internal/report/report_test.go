package report_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/chaos/internal/report"
)

func found() []report.Scenario {
	return []report.Scenario{
		{
			Name: "calm", About: "nothing breaks", Took: 1520 * time.Millisecond, Runs: 2, Stood: 7 * time.Millisecond,
			Phases: []report.Phase{
				{Name: "all", Requests: 200, OK: 199, Outcomes: map[string]int{"200": 199, "503 A": 1}, P50: 1234567, P99: 56789 * time.Microsecond, Attempts: 210},
				{Name: "none", Attempts: -1},
			},
			Checks: []report.Check{{Criterion: "it is calm", Found: "it was", OK: true}},
			Notes:  []string{"by the way"},
		},
		{
			Name: "storm", About: "all breaks", Error: "no wind",
			Checks: []report.Check{{Criterion: "it is calm", Found: "it was not"}},
		},
	}
}

func TestTable(t *testing.T) {
	const want = `scenario  phase  requests  ok     p50     p99   attempts  clients saw
calm      all    200       99.5%  1.23ms  57ms  1.05x     200: 199, 503 A: 1
calm      none   0         -      0s      0s    -         

PASS  calm: nothing breaks (1.5s; the machine stood still for 7ms at most, run 2)
      PASS  it is calm: it was
            by the way

FAIL  storm: all breaks (0s; the machine stood still for 0s at most)
      FAIL  it is calm: it was not
      FAIL  could not be carried through: no wind
`
	var b bytes.Buffer
	if err := report.Table(&b, found()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.JSON(&b, found()); err != nil {
		t.Fatal(err)
	}
	var back []report.Scenario
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found(), back); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPassed(t *testing.T) {
	good := report.Check{OK: true}
	tests := []struct {
		name string
		all  []report.Scenario
		want bool
	}{
		{"none", nil, false},
		{"without a criterion", []report.Scenario{{}}, false},
		{"good", []report.Scenario{{Checks: []report.Check{good, good}}}, true},
		{"one criterion", []report.Scenario{{Checks: []report.Check{good, {}}}}, false},
		{"an error", []report.Scenario{{Checks: []report.Check{good}, Error: "x"}}, false},
		{"one of two", []report.Scenario{{Checks: []report.Check{good}}, {Checks: []report.Check{{}}}}, false},
	}
	for _, test := range tests {
		if got := report.Passed(test.all); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
