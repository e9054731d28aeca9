package scenario

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/report"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// trial is a scenario that is being carried through.
type trial struct {
	*stage.Stage
	form  Form
	found report.Scenario
}

// span stretches a time of a full run, to one second at least.
func (t *trial) span(full time.Duration) time.Duration {
	return max(time.Duration(float64(full)*t.form.Scale), time.Second)
}

// check judges one criterion.
func (t *trial) check(ok bool, criterion, found string, args ...any) {
	t.found.Checks = append(t.found.Checks, report.Check{
		Criterion: criterion, Found: fmt.Sprintf(found, args...), OK: ok,
	})
}

func (t *trial) notef(format string, args ...any) {
	t.found.Notes = append(t.found.Notes, fmt.Sprintf(format, args...))
}

// uncounted stands for attempts that nobody counted.
const uncounted = -1

// saw reports what clients saw in a phase.
func (t *trial) saw(phase string, seen load.Seen, attempts int64) {
	t.found.Phases = append(t.found.Phases, report.Phase{
		Name: phase, Requests: seen.Count(), OK: seen.OK().Count(), Outcomes: seen.Outcomes(),
		P50: seen.Quantile(0.5), P99: seen.Quantile(0.99), Attempts: attempts,
	})
}

// none checks that no request failed.
func (t *trial) none(seen load.Seen, criterion string) {
	failed := seen.Failed()
	t.check(failed.Count() == 0 && seen.Skipped == 0 && seen.Count() > 0, criterion,
		"%d of %d requests failed %v", failed.Count(), seen.Count(), failed.Outcomes())
}

// responded checks that every request had a response of the gateway.
func (t *trial) responded(seen load.Seen) {
	lost := seen.Where(func(s load.Sample) bool { return s.Status == 0 })
	t.check(lost.Count() == 0 && seen.Skipped == 0 && seen.Count() > 0, "every request gets a response",
		"%d of %d were not %v", lost.Count(), seen.Count(), lost.Outcomes())
}

// budget is the retry budget that [policies] sets.
const (
	budgetPercent   = 20
	budgetPerSecond = 1
)

// withinBudget checks that no more attempts were made than the calls and the
// retry budget allow.
func (t *trial) withinBudget(attempts int64, seen load.Seen) {
	calls := seen.Count()
	allowed := float64(calls)*(1+budgetPercent/100.0) + budgetPerSecond*(seen.Span.Seconds()+1)
	t.check(float64(attempts) <= allowed, "attempts stay within the retry budget",
		"%d attempts of %d calls (%.2fx), %.0f allowed", attempts, calls, float64(attempts)/float64(calls), allowed)
}

// gateway starts a gateway in front of backends with the policies that most
// scenarios use.
func (t *trial) gateway(ctx context.Context, backends ...*stage.Backend) (*stage.Gateway, error) {
	return t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Connection: connection, Overrides: policies()})
}

// connection makes the gateway notice and forgive faster than its defaults do,
// so that scenarios can be short.
const connection = `{keepalive_time: 10s, keepalive_timeout: 1s, ejection_return: 1s}`

// policies are those of a service whose reads may be repeated. Limits and cache
// are off: they would hide what happens behind them.
func policies() []stage.Override {
	const reads = `{cache: {disabled: true}, retry: {max_attempts: 3, initial_backoff: 10ms, max_backoff: 100ms, per_attempt_timeout: 500ms, ` +
		`retryable_status_codes: [UNAVAILABLE, DEADLINE_EXCEEDED], budget: {percent: %d, min_per_second: %d}}}`
	retries := fmt.Sprintf(reads, budgetPercent, budgetPerSecond)
	return []stage.Override{
		{Method: "*", Policy: `{rate_limits: [{disabled: true}], timeout: {duration: 2s}, circuit_breaker: ` + breaker("SCOPE_ENDPOINT") + `}`},
		{Method: "GetVendor", Policy: retries},
		{Method: "ListVendors", Policy: retries},
	}
}

// breaker is one that opens early and probes again soon, however often it fails.
func breaker(scope string) string {
	return `{window: 2s, minimum_calls: 10, open_duration: 1s, max_open_duration: 1s, half_open_calls: 3, scope: ` + scope + `}`
}

// The kinds of requests.
const (
	read  = "read"  // GetVendor: may be repeated
	list  = "list"  // ListVendors: may be repeated
	write = "write" // CreateVendor: may not
)

// reads requests another vendor each time.
func reads(i int) load.Request {
	return load.Request{Name: read, Method: "GET", Path: "/v2/vendors/v" + strconv.Itoa(i), From: client(i)}
}

func lists(i int) load.Request {
	return load.Request{Name: list, Method: "GET", Path: "/v2/vendors?page_token=t" + strconv.Itoa(i), From: client(i)}
}

func writes(i int) load.Request {
	return load.Request{
		Name: write, Method: "POST", Path: "/v2/vendors", From: client(i),
		Body: `{"name":"Tacos Ada","email":"ada@example.com"}`,
	}
}

// readsAndWrites writes at every fourth request.
func readsAndWrites(i int) load.Request {
	if i%4 == 3 {
		return writes(i)
	}
	return reads(i)
}

// client gives each request an address of its own.
func client(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16&0xff, i>>8&0xff, i&0xff) }
