package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/bench/internal/report"
)

func sample(subject string, round int, speed float64, cpu time.Duration) report.Sample {
	return report.Sample{
		Row: "one", Subject: subject, Round: round, RequestsPerSecond: speed, CPU: cpu,
		P50: time.Duration(round) * time.Millisecond, P99: time.Second, Allocations: 10 * speed, PeakRSS: 3 << 20,
	}
}

// In round 2 something else slows the machine down by half. Each subject's
// median suffers, the ratio does not.
var samples = []report.Sample{
	sample("bare", 1, 1000, 10*time.Microsecond), sample("ours", 1, 2000, 5*time.Microsecond),
	sample("ours", 2, 1000, 6*time.Microsecond), sample("bare", 2, 500, 12*time.Microsecond),
	sample("bare", 3, 900, 10*time.Microsecond), sample("ours", 3, 1900, 5*time.Microsecond),
	{Row: "hit", Subject: "ours", Round: 1, RequestsPerSecond: 7, CPU: 4},
	{Row: "hit", Subject: "ours", Round: 2, RequestsPerSecond: 8, CPU: 2},
}

func TestSummarize(t *testing.T) {
	got := report.Summarize(samples)
	want := []report.Line{
		{Sample: report.Sample{
			Row: "one", Subject: "bare", Round: 3, RequestsPerSecond: 900, CPU: 10 * time.Microsecond,
			P50: 2 * time.Millisecond, P99: time.Second, Allocations: 9000, PeakRSS: 3 << 20,
		}, SpeedRatio: 1, CPURatio: 1, Spread: 250. / 900},
		{Sample: report.Sample{
			Row: "one", Subject: "ours", Round: 3, RequestsPerSecond: 1900, CPU: 5 * time.Microsecond,
			P50: 2 * time.Millisecond, P99: time.Second, Allocations: 19000, PeakRSS: 3 << 20,
		}, SpeedRatio: 2, CPURatio: 0.5, Spread: 500. / 1900},
		{Sample: report.Sample{Row: "hit", Subject: "ours", Round: 2, RequestsPerSecond: 7.5, CPU: 3}, SpeedRatio: 1, CPURatio: 1, Spread: 0.5 / 7.5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	want := strings.TrimPrefix(`
| load | subject | req/s | × bare | p50 ms |  p99 ms | CPU µs/req | × bare | allocs/req | peak RSS MB | spread |
|------|---------|------:|-------:|-------:|--------:|-----------:|-------:|-----------:|------------:|-------:|
| one  | bare    |   900 |   1.00 |   2.00 | 1000.00 |       10.0 |   1.00 |       9000 |           3 |  ±28 % |
|      | ours    |  1900 |   2.00 |   2.00 | 1000.00 |        5.0 |   0.50 |      19000 |           3 |  ±26 % |
| hit  | ours    |     8 |   1.00 |   0.00 |    0.00 |        0.0 |   1.00 |          0 |           0 |   ±7 % |
`, "\n")
	if diff := cmp.Diff(want, report.Table(report.Summarize(samples))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFacts holds what is published to what may be: no host name, no path.
func TestFacts(t *testing.T) {
	facts := report.Facts{
		When:      time.Date(2026, time.November, 2, 23, 0, 0, 0, time.FixedZone("", -7200)),
		Generator: "wrk 4", MaxProcs: 2, Rounds: 5, Duration: 3 * time.Second, WarmUp: time.Second,
	}.String()
	for _, want := range []string{"- machine: ", " cores, ", "wrk 4\n", "5 rounds of 3s each, after 1s of warm-up\n", "- date: 2026-11-03\n"} {
		if !strings.Contains(facts, want) {
			t.Errorf("no %q in\n%s", want, facts)
		}
	}
}
