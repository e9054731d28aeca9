// Package objectives counts what is left of the error budgets of one process's RPCs,
// of its own metrics: requests pay nothing. Its definitions are those of the rules
// that protoc-gen-venta-observability writes for Prometheus, which counts a fleet and
// survives a restart.
package objectives

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/policy"
)

// Kind is what an objective promises.
type Kind string

const (
	// Errors is the share of requests that may fail: with a status of 500 or more, or
	// without a response.
	Errors Kind = "errors"
	// Latency is the share of successes (2xx, 3xx) that may take longer than promised.
	Latency Kind = "latency"
)

// Promise is the objective of an RPC, such as "shop.v1.OrderService/Get".
type Promise struct {
	Method    string
	Objective policy.Objective
}

// State is how a promise is kept.
type State struct {
	Promise
	Kind Kind
	// Since is from when on requests are counted: the process's start, or the
	// objective's window ago.
	Since time.Time
	// Requests are those that count, and Bad those that spend the budget.
	Requests, Bad float64
	// Remaining is the share of the budget that is left: 1 is all of it, and below 0
	// the promise is broken. NaN: there were no requests, or they are not measured.
	Remaining float64
	// Unmeasured tells that no bucket of the histogram ends at the promised latency, as
	// when an override has changed it.
	Unmeasured bool
}

// Tracker counts. It is safe for concurrent use.
type Tracker struct {
	promises func() []Promise

	mu      sync.Mutex
	started time.Time // the first reading; zero: there was none
	budgets map[key]*budget
}

// key is what is counted apart. Where an override changes the share alone, counting
// goes on; what was slower than another latency nobody has counted.
type key struct {
	method          string
	kind            Kind
	latency, window time.Duration
}

// NewTracker returns one that counts from its first reading on. promises returns
// those that are in force.
func NewTracker(promises func() []Promise) *Tracker {
	return &Tracker{promises: promises, budgets: map[key]*budget{}}
}

// Read takes what a scrape reads.
func (t *Tracker) Read(now time.Time, families []*dto.MetricFamily) {
	promises := t.promises()
	totals := read(families, promises)
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.started.IsZero()
	if first {
		t.started = now
	}
	kept := make(map[key]*budget, len(promises))
	for _, p := range promises {
		for _, k := range keysOf(p) {
			b := t.budgets[k]
			if b == nil {
				b = &budget{since: now}
				if !first { // what was before is nobody's budget
					b.before = totals[p.Method]
				}
			}
			b.add(now, k, totals[p.Method])
			kept[k] = b
		}
	}
	t.budgets = kept
}

// keysOf returns what a promise counts.
func keysOf(p Promise) []key {
	var keys []key
	if p.Objective.ErrorPercent > 0 {
		keys = append(keys, key{p.Method, Errors, 0, p.Objective.Window})
	}
	if p.Objective.Latency > 0 {
		keys = append(keys, key{p.Method, Latency, p.Objective.Latency, p.Objective.Window})
	}
	return keys
}

// States returns how each promise in force is kept, the worst first.
func (t *Tracker) States(now time.Time) []State {
	promises := t.promises()
	t.mu.Lock()
	defer t.mu.Unlock()
	states := []State{}
	for _, p := range promises {
		for _, k := range keysOf(p) {
			states = append(states, t.state(now, p, k))
		}
	}
	slices.SortStableFunc(states, func(a, b State) int {
		unknown := func(s State) int {
			if math.IsNaN(s.Remaining) {
				return 1
			}
			return 0
		}
		return cmp.Or(unknown(a)-unknown(b), cmp.Compare(a.Remaining, b.Remaining), strings.Compare(a.Method, b.Method), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return states
}

func (t *Tracker) state(now time.Time, p Promise, k key) State {
	s := State{Promise: p, Kind: k.kind, Since: now, Remaining: math.NaN()}
	b := t.budgets[k]
	if b == nil {
		return s // it is not counted yet
	}
	s.Since, s.Unmeasured = b.since, b.unmeasured
	if from := now.Add(-p.Objective.Window); from.After(s.Since) {
		s.Since = from
	}
	s.Requests, s.Bad = b.sum(now, k)
	if s.Requests > 0 && !s.Unmeasured {
		s.Remaining = 1 - s.Bad/s.Requests/allowed(p.Objective, k.kind)
	}
	return s
}

// allowed is the share of requests that may be bad.
func allowed(o policy.Objective, k Kind) float64 {
	if k == Errors {
		return o.ErrorPercent / 100
	}
	return (100 - o.Percentile) / 100
}

// Started returns since when there is a count; zero before the first reading.
func (t *Tracker) Started() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started
}
