// Package api tells as JSON what a running gateway does: to the admin page, and to
// other programs that look at one process. What a fleet did is Prometheus' to tell.
//
//	GET /api/overview           the process, and all of its requests
//	GET /api/methods            each RPC, over the last minute
//	GET /api/methods/{method}   one RPC, such as shop.v1.OrderService/GetOrder
//	GET /api/refusals           the last requests that were refused
//	GET /api/objectives         what is left of each error budget
//	GET /api/callers            who calls what is deprecated
//	GET /api/limits             rate limits, concurrency and cache
//	GET /api/streams            streams that are open, and their messages
//
// Rates are a second, durations in seconds, shares from 0 to 1, times in RFC 3339
// or, in columns, seconds since 1970. A figure that does not exist is null. Members
// may be added; those that are there stay.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/admin/objectives"
	"github.com/venta-hq/venta/gateway/admin/recent"
	"github.com/venta-hq/venta/gateway/policy"
)

// Options are what is told. All are required.
type Options struct {
	// Process says which process it is.
	Process Process
	// Ready reports whether the process takes traffic.
	Ready func() bool
	// History is what its metrics said lately.
	History *recent.History
	// Methods returns the RPCs in the order of the schema.
	Methods func() []Method
	// Objectives counts what is left of error budgets.
	Objectives *objectives.Tracker
	// Refused tells what was refused lately.
	Refused Refused
	// Callers tells who calls what is deprecated.
	Callers Callers
}

// Process says which process tells.
type Process struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

// Method is an RPC as it is configured.
type Method struct {
	// Name is the RPC, such as "shop.v1.OrderService/GetOrder".
	Name string `json:"method"`
	// Routes are its HTTP routes, such as "GET /v1/orders/{id}".
	Routes []string `json:"routes"`
	// Deprecated and Sunset are those of its version.
	Deprecated time.Time `json:"deprecated,omitzero"`
	Sunset     time.Time `json:"sunset,omitzero"`
	// Overridden tells that an operator has changed its policy.
	Overridden bool `json:"overridden,omitempty"`
	// Effective is what holds for it.
	Effective policy.Method `json:"-"`
	// Policy is what holds for it, with where that is written.
	Policy any `json:"-"`
}

// New returns the handler of /api/. It is safe for concurrent use if the functions
// of the options are.
func New(o Options) (http.Handler, error) {
	if o.Ready == nil || o.History == nil || o.Methods == nil || o.Refused == nil || o.Objectives == nil || o.Callers == nil {
		return nil, errors.New("admin/api: all options are required")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/overview", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.overview()) })
	mux.HandleFunc("GET /api/methods", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.methods()) })
	mux.HandleFunc("GET /api/methods/{method...}", o.method)
	mux.HandleFunc("GET /api/refusals", o.refusals)
	mux.HandleFunc("GET /api/objectives", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.objectives()) })
	mux.HandleFunc("GET /api/callers", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.callers()) })
	mux.HandleFunc("GET /api/limits", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.limits()) })
	mux.HandleFunc("GET /api/streams", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, o.streams()) })
	return mux, nil
}

func (o Options) method(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	for _, m := range o.Methods() {
		if m.Name == name {
			respond(w, http.StatusOK, o.detail(m))
			return
		}
	}
	respond(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("there is no method %q; GET /api/methods lists them", name)})
}

// respond writes JSON. What is told consists of values that JSON has.
func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left is no fault
}
