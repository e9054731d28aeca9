package api

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// served are the outcomes of a cache with which a request went to no upstream.
var served = []string{"hit", "stale_hit", "stale", "collapsed", "remote_hit"}

// shown is how many samples a list has of each RPC: five minutes.
const shown = 60

// all is how many samples a page on one subject has: whatever there is.
const all = math.MaxInt

type overviewView struct {
	Process
	At       time.Time         `json:"at"`
	Ready    bool              `json:"ready"`
	Breakers map[string]string `json:"breakers"`
	summary
	Columns columns `json:"columns"`
}

// summary is what happened over the last minute.
type summary struct {
	Requests     figure            `json:"requests"`
	Errors       figure            `json:"errors"`        // share of statuses from 500 on, and of aborted requests
	ClientErrors figure            `json:"client_errors"` // share of statuses from 400 to 499
	Durations    map[string]figure `json:"durations"`
	CacheHits    figure            `json:"cache_hits"` // share of requests that went to no upstream; null: nothing is cached
	Denied       figure            `json:"denied"`     // by a rate limit
	Shed         figure            `json:"shed"`       // under overload
}

type methodsView struct {
	At      time.Time    `json:"at"`
	Methods []methodView `json:"methods"`
}

type methodView struct {
	Method
	summary
	Breaker string `json:"breaker,omitempty"` // the state of the one that it is behind
	Recent  column `json:"recent"`            // requests, of the last five minutes
}

type detailView struct {
	methodView
	At      time.Time `json:"at"`
	Policy  any       `json:"policy"`
	Columns columns   `json:"columns"`
}

func (o Options) overview() overviewView {
	w := o.History.Window(recent.All, all)
	return overviewView{
		Process: o.Process, At: time.Now().UTC(), Ready: o.Ready(), Breakers: o.History.Breakers(),
		summary: summaryOf(w), Columns: columnsOf(w),
	}
}

func (o Options) methods() methodsView {
	view := methodsView{At: time.Now().UTC(), Methods: []methodView{}}
	breakers := o.History.Breakers()
	for _, m := range o.Methods() {
		view.Methods = append(view.Methods, viewOf(m, o.History.Window(m.Name, shown), breakers))
	}
	return view
}

func (o Options) detail(m Method) detailView {
	w := o.History.Window(m.Name, all)
	return detailView{
		methodView: viewOf(m, o.History.Window(m.Name, shown), o.History.Breakers()),
		At:         time.Now().UTC(), Policy: m.Policy, Columns: columnsOf(w),
	}
}

func viewOf(m Method, w recent.Window, breakers map[string]string) methodView {
	recently := make(column, len(w.Times))
	for event, rates := range w.Rates {
		if strings.HasPrefix(event, "status.") {
			for i, rate := range rates {
				recently[i] += rate
			}
		}
	}
	return methodView{Method: m, summary: summaryOf(w), Breaker: breakerOf(m.Name, breakers), Recent: recently}
}

// breakerOf returns the state of an RPC's breaker, or of its service's.
func breakerOf(method string, breakers map[string]string) string {
	service, name, _ := strings.Cut(method, "/")
	if state, ok := breakers[service+"."+name]; ok {
		return state
	}
	return breakers[service]
}

// summaryOf sums the last minute up.
func summaryOf(w recent.Window) summary {
	n := samplesOf(w, recent.Over)
	mean := func(prefix string, but ...string) float64 { return meanOf(w.Rates, prefix, n, but...) }
	requests := mean("status.")
	cached, passed := mean("cache."), mean("cache.", served...)
	s := summary{
		Requests:     figure(requests),
		Errors:       figure((mean("status.5xx") + mean("status.aborted")) / requests),
		ClientErrors: figure(mean("status.4xx") / requests),
		CacheHits:    figure((cached - passed) / cached),
		Denied:       figure(mean("limit.deny")),
		Shed:         figure(mean("shed.")),
		Durations:    map[string]figure{},
	}
	for _, p := range recent.Percentiles {
		s.Durations[percentile(p)] = figure(math.NaN())
		if column := w.Durations[p]; len(column) > 0 {
			s.Durations[percentile(p)] = figure(column[len(column)-1])
		}
	}
	return s
}

// meanOf is the mean of the last n samples of all events with a prefix, but for some.
func meanOf(rates map[string][]float32, prefix string, n int, but ...string) float64 {
	if n == 0 {
		return 0
	}
	sum := 0.0
	for event, column := range rates {
		rest, ok := strings.CutPrefix(event, prefix)
		if !ok || slices.Contains(but, rest) {
			continue
		}
		for _, rate := range column[len(column)-n:] {
			sum += float64(rate)
		}
	}
	return sum / float64(n)
}
