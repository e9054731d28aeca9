package cache

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
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
	selects  []string // those of them that responses vary on
	next     http.Handler
}

// variant is what a request selects by the rule's header fields, which every response
// under the key varies on. What is found out of one response says nothing of those
// that other clients select.
func (rt *route) variant(r *http.Request, k memory.Key) memory.Variant {
	return memory.Variant{Key: k, Vary: rfc9111.VaryKey(r.Header, rt.selects)}
}

// crowd is a variant, and whether the response may be about its caller alone: those
// who wait for the same.
func (rt *route) crowd(r *http.Request, k memory.Key) memory.Variant {
	v := rt.variant(r, k)
	if rt.audience.isPersonal(r) {
		v.Vary += "personal"
	}
	return v
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
