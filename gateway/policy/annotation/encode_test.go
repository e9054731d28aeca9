package annotation_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// everyKnob are annotations with every knob away from its default.
func everyKnob() []string {
	return []string{
		``,
		`timeout: {duration: "1.5s" mode: MODE_SHADOW}`,
		`timeout: {idle: "1m"}`,
		`retry: {max_attempts: 5 initial_backoff: "1ms" max_backoff: "2s" backoff_multiplier: 1.5
			retryable_status_codes: [ABORTED, UNAVAILABLE] per_attempt_timeout: "1s" budget: {percent: 1 min_per_second: 0} mode: MODE_SHADOW}`,
		`hedge: {delay: "0s" max_attempts: 2}`,
		`hedge: {delay: "3ms" max_attempts: 3 non_fatal_status_codes: [INTERNAL] budget: {percent: 7} mode: MODE_SHADOW}`,
		`circuit_breaker: {}`,
		`circuit_breaker: {error_threshold_percent: 1 window: "1s" minimum_calls: 1 open_duration: "1s" max_open_duration: "3s" half_open_calls: 1
			slow_call_duration: "1s" slow_call_threshold_percent: 2 failure_status_codes: [INTERNAL] scope: SCOPE_SERVICE mode: MODE_SHADOW}`,
		`circuit_breaker: {scope: SCOPE_ENDPOINT}`,
		`rate_limits: [
			{requests: 9 interval: "1s"},
			{name: "a" requests: 9 interval: "1s" burst: 3 key: {global: true} cost: {units: 2}},
			{name: "b" requests: 9 interval: "1s" key: {principal: true} cost: {field: "n"}},
			{name: "c" requests: 9 interval: "1s" key: {header: "x-a"} mode: MODE_SHADOW},
			{name: "d" requests: 9 interval: "1s" key: {field: "a.b"}},
			{name: "e" requests: 9 interval: "1s" key: {api_key: true} scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_DENY lease: 2 group: "g" group_scope: GROUP_SCOPE_GATEWAY
				tiers: [{claim: "a" value: "b" requests: 4 burst: 3}]},
			{name: "f" requests: 9 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_ALLOW},
			{name: "g" requests: 9 interval: "1s" scope: SCOPE_SHARED on_store_failure: ON_STORE_FAILURE_LOCAL}
		]`,
		`rate_limits: {requests: 9 interval: "1s" key: {client_ip: true}}`,
		`cache: {ttl: "1m" stale_while_revalidate: "2m" stale_if_error: "3m" negative_ttl: "4s" key_fields: ["a", "b.c"]
			vary_headers: "accept" audience: AUDIENCE_PRINCIPAL tags: ["t:{a}"] mode: MODE_SHADOW}`,
		`invalidates: {tags: ["a", "b"] mode: MODE_SHADOW}`,
		`concurrency: {max_in_flight: 3 adaptive: true max_queue: 2 criticality: CRITICALITY_CRITICAL scope: SCOPE_SERVICE mode: MODE_SHADOW}`,
		`concurrency: {max_in_flight: 3 criticality: CRITICALITY_SHEDDABLE}`,
		`auth: {requirement: REQUIREMENT_NONE}`,
		`auth: {requirement: REQUIREMENT_OPTIONAL schemes: SCHEME_API_KEY}`,
		`auth: {requirement: REQUIREMENT_REQUIRED scopes: "a" roles: "b" schemes: [SCHEME_BEARER, SCHEME_API_KEY] mode: MODE_SHADOW}`,
		`version: {deprecated: "2026-01-02" sunset: "2027-01-02T03:04:05+01:00" after_sunset: AFTER_SUNSET_GONE successor: "/v2/a" link: "https://a.example" mode: MODE_SHADOW}`,
		`objective: {latency: "300ms"}`,
		`objective: {error_percent: 1}`,
		`objective: {latency: "1s" percentile: 99 error_percent: 0.1 window: "168h" mode: MODE_SHADOW}`,
		`limits: {max_request_bytes: 1 mode: MODE_SHADOW}`,
		`limits: {max_response_bytes: 2}`,
		`response: {status: 201 location: "/a/{b}" omit_null: true}`,
		`response: {}`,
		`forward: {headers: ["accept-language", "X-Tenant"]}`,
		`etag: {field: "a.b"}`,
		`etag: {field: "c" mode: MODE_SHADOW}`,
		`stream: {}`,
		`stream: {path: "/a" slow_consumer: SLOW_CONSUMER_DISCONNECT}`,
		`stream: {path: "/a" ticket_path: "/b" heartbeat: "5s" max_message_bytes: 7 max_received_bytes: 2048 messages_per_second: 3 resume_field: "a" id_field: "b"
			event_field: "c" retry: "1s" slow_consumer: SLOW_CONSUMER_DROP_OLDEST buffer_bytes: 2048 compression: true max_per_principal: 2 max_per_address: 3}`,
		`webhook: {scheme: SCHEME_SVIX secret: "a"}`,
		`webhook: {scheme: SCHEME_STANDARD secret: "a" event_field: "b.c" event: "d"}`,
		`webhook: {scheme: SCHEME_SHARED_SECRET secret: "a" header: "x-b"}`,
	}
}

// TestEncodeSaysAll holds that an annotation, once decoded and encoded, means the
// same.
func TestEncodeSaysAll(t *testing.T) {
	for _, text := range everyKnob() {
		want, faults := annotation.Decode(parse(t, text))
		if len(faults) > 0 {
			t.Errorf("%s: %v", text, faults)
			continue
		}
		got, faults := annotation.Decode(annotation.Encode(want))
		if diff := cmp.Diff(want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", text, faults, diff)
		}
	}
}

// TestEveryFieldIsRead holds that no field of the schema is passed over in
// silence: without it an annotation means something else, or it is refused.
func TestEveryFieldIsRead(t *testing.T) {
	read := map[protoreflect.FullName]bool{}
	for _, text := range everyKnob() {
		p := parse(t, text)
		want, _ := annotation.Decode(p)
		eachField(p.ProtoReflect(), func(field protoreflect.FieldDescriptor) {
			got, faults := annotation.Decode(p)
			if len(faults) > 0 || !cmp.Equal(want, got) {
				read[field.FullName()] = true
			}
		})
	}
	everyField((&policyv1.Policy{}).ProtoReflect().Descriptor(), map[protoreflect.FullName]bool{}, func(field protoreflect.FieldDescriptor) {
		if !read[field.FullName()] {
			t.Errorf("%s has no effect; decode it, or list it as unsupported", field.FullName())
		}
	})
}

// eachField calls back with each field below m left out in its turn.
func eachField(m protoreflect.Message, without func(protoreflect.FieldDescriptor)) {
	whole := proto.Clone(m.Interface()).ProtoReflect()
	whole.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		m.Clear(field)
		without(field)
		m.Set(field, value)
		switch {
		case field.Message() == nil:
		case !field.IsList():
			eachField(m.Mutable(field).Message(), without)
		default:
			for i := range value.List().Len() {
				eachField(m.Mutable(field).List().Get(i).Message(), without)
			}
		}
		return true
	})
}

// everyField calls back with the fields of all blocks, without what is not
// supported and what each block has. The effect of permits is on overrides.
func everyField(md protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool, visit func(protoreflect.FieldDescriptor)) {
	if seen[md.FullName()] {
		return
	}
	seen[md.FullName()] = true
	for i := range md.Fields().Len() {
		field := md.Fields().Get(i)
		switch field.Name() {
		case "disabled", "mode", "permits":
			continue
		}
		if annotation.IsUnsupported(field) {
			continue
		}
		visit(field)
		if field.Message() != nil {
			everyField(field.Message(), seen, visit)
		}
	}
}
