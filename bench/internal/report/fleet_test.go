package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/bench/internal/report"
)

// In round 2 something else slows the machine down by half.
var outputs = []string{`goos: linux
cpu: ACME 9
BenchmarkLocal/one_key/x/time/rate_by_hand      	 1000	       100.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkLocal/one_key/x/time/rate_by_hand-2    	 1000	        50.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkLocal/one_key/venta,_leases_of_50      	 1000	       150.0 ns/op	       0 B/op	       2 allocs/op
BenchmarkLocal/one_key/venta,_leases_of_50-2    	 1000	        60.0 ns/op	       0 B/op	       2 allocs/op
BenchmarkStampede/cold/venta-2 	 4	  25e6 ns/op	         1.000 upstream-calls/op
PASS
`, `BenchmarkLocal/one_key/x/time/rate_by_hand      	 1000	       200.0 ns/op	       0 B/op	       0 allocs/op
BenchmarkLocal/one_key/venta,_leases_of_50      	 1000	       300.0 ns/op	       0 B/op	       2 allocs/op
PASS
`}

func TestFleetTable(t *testing.T) {
	var results []report.Result
	for round, output := range outputs {
		parsed, err := report.Parse(strings.NewReader(output), round)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, parsed...)
	}
	want := strings.TrimPrefix(`
| load    | subject             | cores |    µs/op | × by hand | allocs/op | spread | upstream calls |
|---------|---------------------|------:|---------:|----------:|----------:|-------:|---------------:|
| one key | x/time/rate by hand |     1 |     0.15 |      1.00 |         0 |  ±33 % |                |
|         | venta, leases of 50 |     1 |     0.23 |      1.50 |         2 |  ±33 % |                |
|         | x/time/rate by hand |     2 |     0.05 |      1.00 |         0 |   ±0 % |                |
|         | venta, leases of 50 |     2 |     0.06 |      1.20 |         2 |   ±0 % |                |
| cold    | venta               |     2 | 25000.00 |      1.00 |         0 |   ±0 % |           1.00 |
`, "\n")
	if diff := cmp.Diff(want, report.FleetTable(results)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseFails(t *testing.T) {
	for name, output := range map[string]string{
		"nothing":       "",
		"a failure":     outputs[0] + "--- FAIL: BenchmarkStampede\n",
		"inner failure": outputs[0] + "    --- FAIL: BenchmarkStampede/cold/venta\n",
		"no load":       "BenchmarkX-2 1 5 ns/op\n",
		"no time":       "BenchmarkX/a/b 1 5 B/op\n",
		"not a number":  "BenchmarkX/a/b 1 x ns/op\n",
		"half a line":   "BenchmarkX/a/b 1 5\n",
	} {
		if got, err := report.Parse(strings.NewReader(output), 1); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
