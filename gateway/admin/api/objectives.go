package api

import (
	"time"

	"github.com/venta-hq/venta/gateway/admin/objectives"
)

type objectivesView struct {
	At         time.Time       `json:"at"`
	Since      *time.Time      `json:"since"` // null: nothing was read yet
	Objectives []objectiveView `json:"objectives"`
}

// objectiveView is how one promise is kept.
type objectiveView struct {
	Method    string          `json:"method"`
	Mode      string          `json:"mode"`
	Kind      objectives.Kind `json:"kind"`
	Window    float64         `json:"window_seconds"`
	Promise   promiseView     `json:"promise"`
	Since     time.Time       `json:"since"`
	Requests  float64         `json:"requests"`
	Bad       *float64        `json:"bad"`       // null: they are not measured
	Remaining figure          `json:"remaining"` // null: there were no requests, too
	Measured  bool            `json:"measured"`  // false: no bucket ends at the latency
}

// promiseView is the share of requests that may fail, or the latency that a
// percentile of successes keeps.
type promiseView struct {
	Percent    *figure `json:"percent,omitempty"`
	Latency    *figure `json:"latency,omitempty"`
	Percentile float64 `json:"percentile,omitempty"`
}

// objectives tells what is left of each budget.
func (o Options) objectives() objectivesView {
	now := time.Now()
	view := objectivesView{At: now.UTC(), Objectives: []objectiveView{}}
	if started := o.Objectives.Started().UTC(); !started.IsZero() {
		view.Since = &started
	}
	for _, s := range o.Objectives.States(now) {
		one := objectiveView{
			Method: s.Method, Mode: modeOf(s.Objective.Shadow), Kind: s.Kind, Window: s.Objective.Window.Seconds(), Promise: promiseOf(s),
			Since: s.Since.UTC(), Requests: s.Requests, Bad: &s.Bad, Remaining: figure(s.Remaining), Measured: !s.Unmeasured,
		}
		if s.Unmeasured {
			one.Bad = nil
		}
		view.Objectives = append(view.Objectives, one)
	}
	return view
}

func promiseOf(s objectives.State) promiseView {
	if s.Kind == objectives.Errors {
		percent := figure(s.Objective.ErrorPercent)
		return promiseView{Percent: &percent}
	}
	latency := figure(s.Objective.Latency.Seconds())
	return promiseView{Latency: &latency, Percentile: s.Objective.Percentile}
}

// modeOf names the mode of a block.
func modeOf(shadow bool) string {
	if shadow {
		return "shadow"
	}
	return "enforce"
}
