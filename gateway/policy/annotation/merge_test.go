package annotation_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const (
	second = `timeout: {duration: "1s"}`
	minute = `timeout: {duration: "1m" mode: MODE_ENFORCE}`
	remove = `timeout: {disabled: true}`
	off    = `timeout: {duration: "1h" mode: MODE_OFF}`
	limits = `rate_limits: [{name: "a" requests: 1 interval: "1s"}, {name: "b" requests: 2 interval: "1s" mode: MODE_OFF}]`
	limit  = `rate_limits: {name: "c" requests: 3 interval: "1s"}`
)

func TestMerge(t *testing.T) {
	tests := []struct {
		name                  string
		file, service, method string
		want                  string // the annotation that is decoded to the same; blocks of MODE_OFF left out
		faults                []string
	}{
		{"nothing", "", "", "", "", nil},
		{"file", second, "", "", second, nil},
		{"service", second, minute, "", minute, nil},
		{"method", second, second, minute, minute, nil},
		{"removed", second, "", remove, "", nil},
		{"removed and set", second, remove, minute, minute, nil},
		{"other blocks stay", second + limits, "", `limits: {max_request_bytes: 1}`, second + `rate_limits: {name: "a" requests: 1 interval: "1s"} limits: {max_request_bytes: 1}`, nil},
		{"whole list", limits, "", limit, limit, nil},
		{"list removed", limits, "", `rate_limits: {disabled: true}`, "", nil},
		{"off", second, "", off, "", nil},
		{"off and replaced", off, "", second, second, nil},
		{"nothing to remove in the file", remove, "", "", "", []string{"file timeout.disabled"}},
		{"nothing to remove", "", remove, remove, "", []string{"service timeout.disabled", "method timeout.disabled"}},
		{"no limits to remove", "", "", `rate_limits: {disabled: true}`, "", []string{"method rate_limits[0].disabled"}},
		{"removed twice", second, remove, remove, "", []string{"method timeout.disabled"}},
		{"each level alone", `timeout: {duration: "x"}`, `timeout: {duration: "y"}`, second, second, []string{"file timeout.duration", "service timeout.duration"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, service, method := parse(t, test.file), parse(t, test.service), parse(t, test.method)
			merged, faults := annotation.Merge(file, service, method)
			want, _ := annotation.Decode(parse(t, test.want))
			if diff := cmp.Diff(want, merged.Effective().Policy); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.faults, named(faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			for text, given := range map[string]*policyv1.Policy{test.file: file, test.service: service, test.method: method} {
				if !proto.Equal(parse(t, text), given) {
					t.Errorf("%q was changed", text)
				}
			}
		})
	}
}

// named returns the level and path of each fault.
func named(faults []annotation.Fault) []string {
	var found []string
	for _, f := range faults {
		found = append(found, f.Level.String()+" "+f.Path)
	}
	return found
}

func TestMergeNil(t *testing.T) {
	merged, faults := annotation.Merge(nil, parse(t, second), nil)
	if got := merged.Effective().Policy; got.Timeout == nil || len(faults) > 0 {
		t.Errorf("policy %+v, faults %v", got, faults)
	}
}

// TestMergedIsImmutable holds that two RPCs that inherit from one service do not
// see each other's blocks.
func TestMergedIsImmutable(t *testing.T) {
	service, _ := annotation.Merge(nil, parse(t, second+limits), nil)
	service.With(annotation.Method, parse(t, minute+limit))
	service.With(annotation.Method, parse(t, remove))
	want, _ := annotation.Merge(nil, parse(t, second+limits), nil)
	if diff := cmp.Diff(want.Effective().Policy, service.Effective().Policy); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// aWrite is an RPC with one route, POST, and no fields that policies could name.
func aWrite() policy.RPC {
	message := (&descriptorpb.MessageOptions{}).ProtoReflect().Descriptor()
	return policy.RPC{Name: "a.v1.B.C", Input: message, Output: message, Routes: []policy.Route{{Verb: "POST", Path: "/v1/c"}}}
}

func TestEffectiveValidate(t *testing.T) {
	const (
		required = `auth: {requirement: REQUIREMENT_REQUIRED}`
		ttl      = `cache: {ttl: "1m"}`
		byAll    = `cache: {ttl: "1m" audience: AUDIENCE_PUBLIC}`
		byEach   = `cache: {ttl: "1m" audience: AUDIENCE_PRINCIPAL}`
		keys     = `rate_limits: [{name: "off" requests: 1 interval: "1s" mode: MODE_OFF}, {requests: 1 interval: "1s" key: {principal: true}}]`
	)
	tests := []struct {
		name                  string
		read                  bool
		file, service, method string
		faults                []string
	}{
		{"nothing", false, "", "", "", nil},
		{"level of the block", false, `retry: {max_attempts: 2}`, ttl, "", []string{"file retry", "service cache"}},
		{"level of the inner block", false, `retry: {max_attempts: 2}`, "", `retry: {max_attempts: 2}`, []string{"method retry"}},
		{"limits are told by With", true, `retry: {max_attempts: 9} timeout: {duration: "2h"}`, "", "", nil},
		{"audience across levels", true, required, ttl, "", []string{"service cache.audience"}},
		{"audience chosen", true, required, byAll, "", nil},
		{"audience optional", true, `auth: {requirement: REQUIREMENT_OPTIONAL}`, ttl, "", []string{"service cache.audience"}},
		{"audience without auth", true, ttl, "", `auth: {requirement: REQUIREMENT_NONE}`, nil},
		{"off is checked", false, "", "", `retry: {max_attempts: 2 mode: MODE_OFF}`, []string{"method retry"}},
		{"what remains is checked", true, byEach, "", required[:len(required)-1] + ` mode: MODE_OFF}`, []string{"file cache.audience"}},
		{"what remains keeps its index", true, keys, "", required[:len(required)-1] + ` mode: MODE_OFF}`, []string{"file rate_limits[1].key.principal"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rpc := aWrite()
			if test.read {
				rpc.Idempotency, rpc.Routes[0].Verb = policy.NoSideEffects, "GET"
			}
			merged, _ := annotation.Merge(parse(t, test.file), parse(t, test.service), parse(t, test.method))
			if diff := cmp.Diff(test.faults, named(merged.Effective().Validate(rpc))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
