package annotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

const authored = `
timeout: {duration: "5s"}
rate_limits: [{name: "house" requests: 100 interval: "1m"}]
auth: {requirement: REQUIREMENT_REQUIRED roles: "clerk"}
concurrency: {max_in_flight: 10}
objective: {latency: "3s"}
permits: [
  {field: "timeout.duration" min: "1s" max: "10s"},
  {field: "rate_limits.requests" max: "1000"},
  {field: "auth.roles" fixed: true},
  {field: "concurrency" fixed: true}
]`

func TestOverride(t *testing.T) {
	tests := []struct {
		name, text string
		wrong      string // paths
		check      func(m policy.Method) bool
	}{
		{"within the range", `timeout: {duration: "10s"}`, "", func(m policy.Method) bool { return m.Timeout.Duration == 10*time.Second }},
		{"other blocks stay", `timeout: {duration: "2s"}`, "", func(m policy.Method) bool { return m.Auth != nil && len(m.RateLimits) == 1 }},
		{"above the range", `timeout: {duration: "11s"}`, "timeout.duration", nil},
		{"below the range", `timeout: {duration: "999ms"}`, "timeout.duration", nil},
		{"unreadable", `timeout: {duration: "soon"}`, "timeout.duration timeout.duration", nil},
		{"removing what is bounded", `timeout: {disabled: true}`, "timeout", nil},
		{"weakening what is bounded", `timeout: {duration: "2s" mode: MODE_SHADOW}`, "timeout", nil},
		{"switching off what is bounded", `timeout: {duration: "2s" mode: MODE_OFF}`, "timeout", nil},
		{"every entry is held", `rate_limits: [{name: "a" requests: 1 interval: "1s"}, {name: "b" requests: 1001 interval: "1s"}]`, "rate_limits.requests", nil},
		{"list within the range", `rate_limits: [{name: "a" requests: 1000 interval: "1s"}]`, "", func(m policy.Method) bool { return m.RateLimits[0].Name == "a" }},
		{"fixed field changed", `auth: {requirement: REQUIREMENT_REQUIRED roles: "anybody"}`, "auth.roles", nil},
		{"fixed field removed", `auth: {requirement: REQUIREMENT_REQUIRED}`, "auth.roles", nil},
		{"fixed field left", `auth: {requirement: REQUIREMENT_REQUIRED roles: "clerk" scopes: "a"}`, "", func(m policy.Method) bool { return len(m.Auth.Scopes) == 1 }},
		{"fixed block changed", `concurrency: {max_in_flight: 11}`, "concurrency", nil},
		{"fixed block repeated", `concurrency: {max_in_flight: 10}`, "", nil},
		{"fixed block removed", `concurrency: {disabled: true}`, "concurrency", nil},
		{"free block", `limits: {max_request_bytes: 10}`, "", func(m policy.Method) bool { return m.Limits.MaxRequestBytes == 10 }},
		{"nothing to remove", `limits: {disabled: true}`, "limits.disabled", nil},
		{"out of the schema's limits", `limits: {max_request_bytes: -1}`, "limits.max_request_bytes", nil},
		{"against the RPC", `retry: {max_attempts: 2}`, "retry", nil},
		{"objective", `objective: {latency: "1s"}`, "objective", nil},
		{"objective removed", `objective: {disabled: true}`, "objective", nil},
		{"webhook", `webhook: {scheme: SCHEME_SVIX secret: "a"}`, "webhook", nil},
		{"webhook removed", `webhook: {disabled: true}`, "webhook", nil},
		{"timeout below the objective", `timeout: {duration: "2s"}`, "", func(m policy.Method) bool { return m.Objective != nil }},
		{"permits", `permits: {field: "auth" fixed: true}`, "permits", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			merged, faults := annotation.Merge(nil, nil, parse(t, authored))
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			base := merged.Effective().Policy
			got, found := merged.Override(aWrite(), base, parse(t, test.text))
			paths := []string{}
			for _, f := range found {
				paths = append(paths, f.Path)
			}
			if diff := cmp.Diff(strings.Fields(test.wrong), paths); diff != "" {
				t.Fatalf("faults (-want +got):\n%s\n%v", diff, found)
			}
			if test.check != nil && !test.check(got) {
				t.Errorf("effective: %+v", got)
			}
			if diff := cmp.Diff(merged.Effective().Policy, base); diff != "" {
				t.Errorf("the base was changed:\n%s", diff)
			}
		})
	}
}

func TestOverrideSwitchesOff(t *testing.T) {
	merged, _ := annotation.Merge(nil, nil, parse(t, `timeout: {duration: "5s"} rate_limits: [{requests: 1 interval: "1s"}]`))
	for _, text := range []string{`timeout: {disabled: true} rate_limits: {disabled: true}`, `timeout: {duration: "1s" mode: MODE_OFF} rate_limits: [{requests: 1 interval: "1s" mode: MODE_OFF}]`} {
		got, faults := merged.Override(aWrite(), merged.Effective().Policy, parse(t, text))
		if len(faults) > 0 || got.Timeout != nil || len(got.RateLimits) != 0 {
			t.Errorf("%s: %+v %v", text, got, faults)
		}
	}
}

func TestPermits(t *testing.T) {
	tests := []struct{ text, wrong string }{
		{`permits: {field: "timeout.duration" max: "1s"}`, ""},
		{`permits: {field: "retry.budget.percent" min: "1" max: "2"}`, ""},
		{`permits: {field: "auth" fixed: true}`, ""},
		{`permits: {field: "objective.latency" max: "1s"}`, "permits[0].field"},
		{`permits: {field: "webhook.secret" fixed: true}`, "permits[0].field"},
		{`permits: {field: "timeout.span" max: "1s"}`, "permits[0].field"},
		{`permits: {field: "timeout.duration.seconds" max: "1"}`, "permits[0].field"},
		{`permits: {field: "permits.min" fixed: true}`, "permits[0].field"},
		{`permits: {field: ""}`, "permits[0].field"},
		{`permits: {field: "timeout.duration"}`, "permits[0]"},
		{`permits: {field: "timeout.duration" min: "2s" max: "1s"}`, "permits[0].max"},
		{`permits: {field: "timeout.duration" min: "2"}`, "permits[0].min"},
		{`permits: {field: "retry.max_attempts" max: "many"}`, "permits[0].max"},
		{`permits: {field: "auth.requirement" max: "2"}`, "permits[0].field"},
		{`permits: {field: "auth.roles" max: "2"}`, "permits[0].field"},
		{`permits: {field: "timeout" max: "2s"}`, "permits[0].field"},
		{`permits: {field: "timeout.duration" max: "2s" fixed: true}`, "permits[0].fixed"},
		{`permits: [{field: "auth" fixed: true}, {field: "auth" fixed: true}]`, "permits[1].field"},
		{`permits: {disabled: true field: "auth"}`, "permits[0].disabled"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			_, faults := annotation.Decode(parse(t, test.text))
			got := []string{}
			for _, f := range faults {
				got = append(got, f.Path)
			}
			if diff := cmp.Diff(strings.Fields(test.wrong), got); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
		})
	}
}
