package resolve

import (
	"errors"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// latencies are what the RPCs of all files so far promise, each different one once.
type latencies struct {
	promised []policy.Method
}

// checkLatency refuses a latency that the histograms have no bucket left for. What
// other runs of the plugin generate, the gateway adds at its start.
func (r *resolver) checkLatency(s scope, method *protogen.Method, o *policy.Objective) {
	if !r.options.BoundLatencies || o == nil || o.Latency == 0 {
		return
	}
	known := r.latencies.promised
	before, _ := policy.LatencyBounds(known...)
	with := append(slices.Clip(known), policy.Method{Objective: o})
	after, err := policy.LatencyBounds(with...)
	switch {
	case errors.Is(err, policy.ErrTooManyBounds):
		r.policyFault(s, annotation.Fault{Level: s.merged.Level("objective"), Fault: policy.Fault{
			Path: "objective.latency", Problem: err.Error(),
			Remedy: "let RPCs promise the same, or take native histograms (the option native_histograms)",
		}}, method)
	case len(after) > len(before):
		r.latencies.promised = with
	}
}
