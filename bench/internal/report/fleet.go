package report

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Result is one line of what Go's benchmarks print.
type Result struct {
	Load, Subject string // of BenchmarkX/<load>/<subject>
	Cores, Round  int
	Values        map[string]float64 // by unit, such as "ns/op"
}

// cores is what -cpu appends to a name where there is more than one.
var cores = regexp.MustCompile(`-(\d+)$`)

// Parse reads what a test binary with -test.bench has printed. It returns an
// error where a benchmark failed or there is none.
func Parse(output io.Reader, round int) ([]Result, error) {
	var results []Result
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(strings.TrimSpace(line), "--- FAIL") {
			return nil, fmt.Errorf("a benchmark failed: %s", line)
		}
		if result, ok := parseResult(line, round); ok {
			results = append(results, result)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, errors.New("no benchmark has run")
	}
	return results, nil
}

// parseResult reads "BenchmarkX/load/subject-2  100  12 ns/op  3 allocs/op".
func parseResult(line string, round int) (Result, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(line, "Benchmark") {
		return Result{}, false
	}
	parts := strings.SplitN(strings.ReplaceAll(fields[0], "_", " "), "/", 3)
	if len(parts) < 3 {
		return Result{}, false
	}
	r := Result{Load: parts[1], Subject: parts[2], Cores: 1, Round: round, Values: make(map[string]float64)}
	if suffix := cores.FindStringSubmatch(r.Subject); suffix != nil {
		r.Cores, _ = strconv.Atoi(suffix[1]) // digits
		r.Subject = strings.TrimSuffix(r.Subject, suffix[0])
	}
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return Result{}, false
		}
		r.Values[fields[i+1]] = value
	}
	return r, r.Values["ns/op"] > 0
}

// fleetColumns are the columns of FleetTable.
var fleetColumns = []string{"load", "subject", "cores", "µs/op", "× by hand", "allocs/op", "spread", "upstream calls"}

// FleetTable returns a Markdown table of the rounds' medians. The first subject
// of each load is what the others are compared with, within each round and on as
// many cores.
func FleetTable(results []Result) string {
	groups := make(map[contestant][]Result)
	var order []contestant
	var loads []string
	first := make(map[string]string) // subjects by load
	for _, r := range results {
		c := contestant{r.Load, r.Subject, r.Cores}
		if groups[c] == nil {
			order = append(order, c)
		}
		if first[r.Load] == "" {
			first[r.Load] = r.Subject
			loads = append(loads, r.Load)
		}
		groups[c] = append(groups[c], r)
	}
	slices.SortStableFunc(order, func(a, b contestant) int {
		return cmp.Or(cmp.Compare(slices.Index(loads, a.load), slices.Index(loads, b.load)), cmp.Compare(a.cores, b.cores))
	})
	rows := make([][]string, len(order))
	for i, c := range order {
		rows[i] = fleetCells(groups[c], groups[contestant{c.load, first[c.load], c.cores}])
		if i > 0 && order[i-1].load == c.load {
			rows[i][0] = ""
		}
	}
	return aligned(fleetColumns, rows)
}

// contestant is what the rounds have in common.
type contestant struct {
	load, subject string
	cores         int
}

func fleetCells(own, base []Result) []string {
	times := values(own, "ns/op")
	spread := (slices.Max(times) - slices.Min(times)) / 2 / median(times)
	calls := ""
	if n := values(own, "upstream-calls/op"); len(n) > 0 {
		calls = fmt.Sprintf("%.2f", slices.Max(n))
	}
	return []string{
		own[0].Load, own[0].Subject, strconv.Itoa(own[0].Cores),
		fmt.Sprintf("%.2f", median(times)/1e3), fmt.Sprintf("%.2f", median(within(own, base))),
		fmt.Sprintf("%.0f", median(values(own, "allocs/op"))), fmt.Sprintf("±%.0f %%", 100*spread), calls,
	}
}

// within divides the times of each round.
func within(own, base []Result) []float64 {
	var all []float64
	for _, b := range base {
		for _, o := range own {
			if o.Round == b.Round {
				all = append(all, o.Values["ns/op"]/b.Values["ns/op"])
			}
		}
	}
	return all
}

func values(results []Result, unit string) []float64 {
	var all []float64
	for _, r := range results {
		if v, ok := r.Values[unit]; ok {
			all = append(all, v)
		}
	}
	return all
}

// FleetFacts returns the circumstances of such a run as a Markdown list.
func FleetFacts(when time.Time, redis string, rounds int, each time.Duration) string {
	return machine() + fmt.Sprintf("- versions: %s, %s, on the same machine\n- %d rounds of %s each\n- date: %s\n",
		runtime.Version(), redis, rounds, each, when.UTC().Format(time.DateOnly))
}
