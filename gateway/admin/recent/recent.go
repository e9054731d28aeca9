// Package recent remembers what a process's own metrics said over the last
// minutes, for people who look at the process itself. It reads them as a scrape
// does: a request costs nothing more, and nobody sees other figures than in
// Prometheus.
package recent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

const (
	// DefaultStep is the time between two samples.
	DefaultStep = 5 * time.Second
	// DefaultSteps is how many are kept: a quarter of an hour.
	DefaultSteps = 180
	// Over is what time each percentile is taken over.
	Over = time.Minute
)

// Options say what is remembered.
type Options struct {
	// Gatherer is what a scrape reads. Required.
	Gatherer prometheus.Gatherer
	// Step is the time between two samples. Default [DefaultStep]. From 1 s to 1 min.
	Step time.Duration
	// Steps is how many samples are kept. Default [DefaultSteps]. From 2 to 1000.
	Steps int
	// OnError is told what could not be read. What could be is remembered all the
	// same. Default: nobody is.
	OnError func(error)
	// OnSample, where set, is told what was read for each sample, which it must not
	// change.
	OnSample func(at time.Time, families []*dto.MetricFamily)
}

// History is what is remembered. It is safe for concurrent use. An RPC that had
// traffic takes about 8 KiB.
type History struct {
	options Options
	minute  int // how many steps are in [Over]

	mu       sync.RWMutex
	times    []time.Time // a ring: when each sample was taken
	taken    int         // how many samples were, the first included, which is the base
	totals   totals
	groups   map[string]*group
	breakers map[string]string // their states by name
	series   remembered
}

// New returns a History that is empty until [History.Run] runs.
func New(o Options) (*History, error) {
	if o.Step == 0 {
		o.Step = DefaultStep
	}
	if o.Steps == 0 {
		o.Steps = DefaultSteps
	}
	var errs []error
	if o.Gatherer == nil {
		errs = append(errs, errors.New("Gatherer is required"))
	}
	if o.Step < time.Second || o.Step > time.Minute {
		errs = append(errs, fmt.Errorf("Step: %v is not from 1s to 1m", o.Step))
	}
	if o.Steps < 2 || o.Steps > 1000 {
		errs = append(errs, fmt.Errorf("Steps: %d is not from 2 to 1000", o.Steps))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("recent: %w", err)
	}
	minute := int((Over + o.Step - 1) / o.Step)
	return &History{options: o, minute: minute, times: make([]time.Time, o.Steps), groups: map[string]*group{}, breakers: map[string]string{}}, nil
}

// Run takes samples until ctx ends, the first at once. It is called once.
func (h *History) Run(ctx context.Context) {
	ticker := time.NewTicker(h.options.Step)
	defer ticker.Stop()
	for {
		h.sample()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sample remembers what has been added since the last sample.
func (h *History) sample() {
	families, err := h.options.Gatherer.Gather()
	if err != nil && h.options.OnError != nil {
		h.options.OnError(err)
	}
	now, read, breakers := time.Now(), read(families), breakers(families)
	if h.options.OnSample != nil {
		h.options.OnSample(now, families)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken > 0 {
		h.advance(now, read)
	}
	h.totals, h.breakers = read, breakers
	most := min(h.minute+1, len(h.times))
	h.series = h.series.next(families, most, min(h.taken, most-1))
	h.times[h.taken%len(h.times)] = now
	h.taken++
}

// advance fills the next column of each group. Those that are new had nothing
// before.
func (h *History) advance(now time.Time, read totals) {
	passed := now.Sub(h.times[(h.taken-1)%len(h.times)]).Seconds()
	for name := range read {
		if h.groups[name] == nil {
			h.groups[name] = newGroup(h.options.Steps, h.minute)
		}
	}
	for name, g := range h.groups {
		g.advance(h.taken, passed, read[name].minus(h.totals[name]))
	}
}
