// Package report holds what scenarios found out, and prints it.
package report

import "time"

// Scenario is what one scenario found out.
type Scenario struct {
	Name   string
	About  string
	Phases []Phase
	Checks []Check
	Notes  []string `json:",omitempty"`
	// Error is why the scenario could not be carried through.
	Error string `json:",omitempty"`
	// Logs are the last lines of the gateways, where the scenario failed.
	Logs string `json:",omitempty"`
	// Took is how long the scenario ran, the last time.
	Took time.Duration
	// Runs is how often it ran: more than once where it failed while the machine
	// stood still.
	Runs int
	// Stood is for how long the machine stood still at a time.
	Stood time.Duration
}

// With returns s with how often it ran, and how long the machine stood still.
func (s Scenario) With(runs int, stood time.Duration) Scenario {
	s.Runs, s.Stood = runs, stood
	return s
}

// Phase is what clients saw during a part of a scenario.
type Phase struct {
	Name     string
	Requests int
	OK       int
	Outcomes map[string]int // by status and reason
	P50, P99 time.Duration
	// Attempts is how many calls came to the backends; -1 where nobody counted.
	Attempts int64
}

// Check is a criterion and how it was met.
type Check struct {
	Criterion string
	Found     string
	OK        bool
}

// Passed reports whether the scenario ran and met its criteria, of which it has
// at least one.
func (s Scenario) Passed() bool {
	for _, c := range s.Checks {
		if !c.OK {
			return false
		}
	}
	return s.Error == "" && len(s.Checks) > 0
}

// Passed reports whether all scenarios passed.
func Passed(all []Scenario) bool {
	for _, s := range all {
		if !s.Passed() {
			return false
		}
	}
	return len(all) > 0
}
