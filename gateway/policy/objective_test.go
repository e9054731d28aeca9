package policy_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

func promising(latencies ...time.Duration) []policy.Method {
	var methods []policy.Method
	for _, l := range latencies {
		methods = append(methods, policy.Method{Objective: &policy.Objective{Latency: l}})
	}
	return methods
}

func TestLatencyBounds(t *testing.T) {
	defaults, err := policy.LatencyBounds()
	if err != nil || !slices.IsSorted(defaults) {
		t.Fatalf("%v, %v", defaults, err)
	}
	got, err := policy.LatencyBounds(append(promising(300*time.Millisecond, time.Minute, 300*time.Millisecond, time.Second), policy.Method{})...)
	if err != nil || len(got) != len(defaults)+2 || !slices.IsSorted(got) || !slices.Contains(got, 300*time.Millisecond) || got[len(got)-1] != time.Minute {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLatencyBoundsAreBounded(t *testing.T) {
	defaults, _ := policy.LatencyBounds()
	var latencies []time.Duration
	for i := range policy.MostLatencyBounds - len(defaults) {
		latencies = append(latencies, 300*time.Millisecond+time.Duration(i)*time.Millisecond)
	}
	if got, err := policy.LatencyBounds(promising(latencies...)...); err != nil || len(got) != policy.MostLatencyBounds {
		t.Errorf("%d bounds, %v", len(got), err)
	}
	const want = "too many different latencies: objectives name 19 beside the default bounds, and there is room for 18"
	if _, err := policy.LatencyBounds(promising(append(latencies, time.Hour)...)...); !errors.Is(err, policy.ErrTooManyBounds) || err.Error() != want {
		t.Errorf("error %v", err)
	}
}
