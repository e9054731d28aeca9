package gateway_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// TestLinesOfLevels holds that a block's line is the one of the level that has
// written it: the descriptor of GetVendor says which.
func TestLinesOfLevels(t *testing.T) {
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	described := service(policy.Method{Timeout: &policy.Timeout{Duration: time.Second}})
	described.Source = "shop.proto"
	described.Lines = gateway.FileLines{
		"":                        {"timeout": 3, "cache": 4, "circuit_breaker": 5, "idempotency": 6},
		"VendorService":           {"timeout": 13},
		"VendorService.GetVendor": {"timeout": 23, "cache": 24},
	}
	if err := gw.Register(described, nil); err != nil {
		t.Fatal(err)
	}
	policies := gw.Policies()
	want := map[string]string{"timeout": "shop.proto:3", "cache": "shop.proto:24", "circuit_breaker": "shop.proto:5"}
	if diff := cmp.Diff(want, policies[0].Origins); diff != "" {
		t.Errorf("GetVendor (-want +got):\n%s", diff)
	}
	want = map[string]string{"timeout": "shop.proto:3", "circuit_breaker": "shop.proto:5"}
	if diff := cmp.Diff(want, policies[1].Origins); diff != "" {
		t.Errorf("DeleteVendor (-want +got):\n%s", diff)
	}
}

// TestSharedBlocksStay holds that nothing writes into policies: methods of
// generated code share the blocks that they inherit.
func TestSharedBlocksStay(t *testing.T) {
	described := func() policy.Method {
		return policy.Method{
			Timeout:        &policy.Timeout{Duration: time.Second},
			CircuitBreaker: breakerPolicy(5),
			RateLimits: []policy.RateLimit{{
				Name: "shared", Requests: 100, Interval: time.Minute, Burst: 100, Cost: policy.RateLimitCost{Units: 1},
				Shared: true, OnStoreFailure: policy.FailureDeny, Lease: 2,
			}},
			Concurrency: &policy.Concurrency{MaxInFlight: 10, PerService: true, Criticality: "critical"},
			Response:    &policy.Response{OmitNull: true},
		}
	}
	inherited := described()
	s := start(t, &backend{}, inherited, gateway.Options{RateLimits: gateway.RateLimitOptions{Alone: true}})
	s.do(t, "GET", "/v2/vendors/7")
	override := gateway.Override{Methods: getVendor, Policy: &policyv1.Policy{
		Timeout:     &policyv1.Timeout{Duration: new("2s")},
		Concurrency: &policyv1.Concurrency{MaxInFlight: new(int32(5))},
	}}
	if err := s.Gateway.Override([]gateway.Override{override}); err != nil {
		t.Fatal(err)
	}
	s.do(t, "GET", "/v2/vendors/7")
	if diff := cmp.Diff(described(), inherited); diff != "" {
		t.Errorf("changed (-was +is):\n%s", diff)
	}
}
