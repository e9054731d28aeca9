package cache

import (
	"net/http"
)

// route is one rule before one handler: what the stages of a request share. It
// never changes.
type route struct {
	store    *Store
	rule     Rule
	audience audience
	id       uint64 // of this route in its store
	scope    string
	vary     []string // the header fields of the rule, in canonical form
	next     http.Handler
}

// report tells the outcome of a request.
func (rt *route) report(r *http.Request, outcome Outcome) {
	if rt.rule.OnOutcome != nil {
		rt.rule.OnOutcome(r, outcome)
	}
}

// event tells what else is worth counting.
func (rt *route) event(r *http.Request, e Event) {
	if rt.rule.OnEvent != nil {
		rt.rule.OnEvent(r, e)
	}
}

// refuse ends a request with an error.
func (rt *route) refuse(w http.ResponseWriter, r *http.Request, err error) {
	rt.report(r, Refused)
	rt.rule.OnError(w, r, err)
}
