package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

var (
	get  = policy.Route{Verb: "GET", Path: "/v2/things/{id}", Variables: []string{"id"}}
	list = policy.Route{Verb: "GET", Path: "/v2/things"}
	post = policy.Route{Verb: "POST", Path: "/v2/things", Body: "*"}
)

func byTenant() policy.RateLimit {
	return policy.RateLimit{
		Name: "tenant", Requests: 10, Interval: time.Minute, Burst: 10,
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Tenant"}, Cost: policy.RateLimitCost{Units: 1},
	}
}

func byField(field string) policy.RateLimit {
	return policy.RateLimit{
		Name: "field", Requests: 1, Interval: time.Minute, Burst: 1, Key: policy.RateLimitKey{Source: policy.KeyField, Field: field},
		Cost: policy.RateLimitCost{Units: 1},
	}
}

// stream is a sound block of a server's stream, socket one with WebSockets.
func stream() *policy.Stream {
	return &policy.Stream{Heartbeat: time.Second, Retry: time.Second, BufferBytes: 1024, MaxPerPrincipal: 1, MaxPerAddress: 1}
}

func socket() *policy.Stream {
	s := stream()
	s.Path, s.MaxMessageBytes, s.MessagesPerSecond = "/v2/things:watch", 1, 1
	return s
}

// validated is an RPC whose policy is valid, or wrong at the paths that are named.
type validated struct {
	name   string
	method string
	routes []policy.Route
	change func(m *policy.Method) // of a sound policy; nil: none
	wrong  string
}

func validateAll(t *testing.T, tests []validated) {
	t.Helper()
	all := methods(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := valid()
			if test.change != nil {
				test.change(&m)
			}
			rpc := policy.NewRPC(all.ByName(protoreflect.Name(test.method)), test.routes)
			rpc.Annotated = true
			if diff := cmp.Diff(strings.Fields(test.wrong), append([]string{}, paths(m.Validate(rpc))...)); diff != "" {
				t.Errorf("paths (-want +got):\n%s\n%v", diff, m.Validate(rpc))
			}
		})
	}
}

func TestValidate(t *testing.T) {
	validateAll(t, []validated{
		{"valid", "Get", []policy.Route{get}, nil, ""},
		{"limits too", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout.Duration = 0 }, "timeout.duration retry.initial_backoff"},
		{"retry of idempotent", "Put", []policy.Route{get}, func(m *policy.Method) { m.Cache = nil }, ""},
		{"retry of a write", "Add", []policy.Route{get}, func(m *policy.Method) { m.Cache = nil }, "retry"},
		{"retry of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Retry: m.Retry} }, "retry"},
		{"retry without timeout", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout = nil; m.Retry.PerAttemptTimeout = time.Hour }, ""},
		{"attempt is all", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry.PerAttemptTimeout = 5 * time.Second }, ""},
		{"attempt is more", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry.PerAttemptTimeout = 5*time.Second + 1 }, "retry.per_attempt_timeout"},
		{"waits fit", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout.Duration = 150*time.Millisecond + 1 }, ""},
		{"waits do not fit", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout.Duration = 150 * time.Millisecond }, "retry.max_attempts"},
		{"first wait does not fit", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout.Duration = 50 * time.Millisecond }, "retry.initial_backoff"},
		{"slow before the timeout", "Get", []policy.Route{get}, func(m *policy.Method) { *m = slow(m, 5*time.Second-1) }, ""},
		{"slow behind the timeout", "Get", []policy.Route{get}, func(m *policy.Method) { *m = slow(m, 5*time.Second) }, "circuit_breaker.slow_call_duration"},
		{"slow behind one RPC's timeout", "Get", []policy.Route{get}, func(m *policy.Method) {
			*m = slow(m, 5*time.Second)
			m.CircuitBreaker.Scope = policy.BreakerPerService
		}, ""},
		{"objective before the timeout", "Get", []policy.Route{get}, func(m *policy.Method) { m.Objective.Latency = 5*time.Second - 1 }, ""},
		{"objective behind the timeout", "Get", []policy.Route{get}, func(m *policy.Method) { m.Objective.Latency = 5 * time.Second }, "objective.latency"},
		{"objective behind a timeout in shadow", "Get", []policy.Route{get}, func(m *policy.Method) {
			m.Objective.Latency, m.Timeout.Shadow = 5*time.Second, true
		}, ""},
		{"objective of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Objective: m.Objective} }, "objective.latency"},
		{"errors of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) {
			*m = policy.Method{Objective: &policy.Objective{ErrorPercent: 1, Window: policy.DefaultObjectiveWindow}}
		}, ""},
		{"a read by DELETE", "Get", []policy.Route{get, {Verb: "DELETE", Path: "/v2/things/{id}", Variables: []string{"id"}}}, nil, "routes[1]"},
		{"a read by POST", "Get", []policy.Route{get, {Verb: "POST", Path: "/v2/things/{id}:search", Variables: []string{"id"}}}, nil, ""},
		{"hedge", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Hedge = nil, hedge() }, ""},
		{"hedge of idempotent", "Put", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Cache, m.Etag, m.Hedge = nil, nil, nil, hedge() }, ""},
		{"hedge of a write", "Add", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Cache, m.Etag, m.Hedge = nil, nil, nil, hedge() }, "hedge"},
		{"hedge of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Hedge: hedge()} }, "hedge"},
		{"hedge and retry", "Get", []policy.Route{get}, func(m *policy.Method) { m.Hedge = hedge() }, "hedge"},
		{"hedge never sent", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Hedge = nil, hedge(); m.Timeout.Duration = m.Hedge.Delay }, "hedge.delay"},
		{"hedge just sent", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Hedge = nil, hedge(); m.Timeout.Duration = m.Hedge.Delay + 1 }, ""},
		{"hedge without timeout", "Get", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Timeout, m.Hedge = nil, nil, hedge() }, ""},
		{"header bounded by the address", "Get", []policy.Route{get}, func(m *policy.Method) { m.RateLimits = append(m.RateLimits, byTenant()) }, ""},
		{"header alone", "Get", []policy.Route{get}, func(m *policy.Method) { m.RateLimits = []policy.RateLimit{byTenant()} }, "rate_limits[0].key.header"},
		{"header bounded in shadow mode", "Get", []policy.Route{get}, func(m *policy.Method) {
			m.RateLimits = []policy.RateLimit{m.RateLimits[0], byTenant()}
			m.RateLimits[0].Shadow = true
		}, "rate_limits[1].key.header"},
		{"cache of a write", "Put", []policy.Route{get}, nil, "cache"},
		{"cache of a stream", "Track", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Cache: m.Cache} }, "cache"},
		{"cache by POST", "Get", []policy.Route{post}, func(m *policy.Method) { m.Version = nil }, "cache"},
		{"cache by GET and POST", "Get", []policy.Route{post, get}, func(m *policy.Method) { m.Version = nil }, ""},
		{"cache key unknown", "Get", []policy.Route{get}, func(m *policy.Method) { m.Cache.KeyFields = []string{"id", "nosuch"} }, "cache.key_fields[1]"},
		{"cache key incomplete", "Get", []policy.Route{get}, func(m *policy.Method) { m.Cache.KeyFields, m.Cache.Tags = []string{"weight"}, nil }, "cache.key_fields"},
		{"cache tag unknown", "Get", []policy.Route{get}, func(m *policy.Method) { m.Cache.KeyFields, m.Cache.Tags = nil, []string{"{ident}"} }, "cache.tags[0]"},
		{"cache tag unset", "Get", []policy.Route{get}, func(m *policy.Method) { m.Cache.Tags = []string{"{weight}"} }, "cache.tags[0]"},
		{"cache for nobody", "Get", []policy.Route{get}, func(m *policy.Method) { m.Auth, m.Cache.Audience = nil, policy.AudiencePrincipal }, "cache.audience"},
		{"cache for anonymous", "Get", []policy.Route{get},
			func(m *policy.Method) {
				m.Auth, m.Cache.Audience = &policy.Auth{Requirement: policy.AuthOptional}, policy.AudiencePrincipal
			}, ""},
		{"key nobody", "Get", []policy.Route{get},
			func(m *policy.Method) {
				m.Auth, m.RateLimits[0].Key.Source = &policy.Auth{Requirement: policy.AuthNone}, policy.KeyPrincipal
			}, "rate_limits[0].key.principal"},
		{"key unknown", "Get", []policy.Route{get},
			func(m *policy.Method) {
				m.RateLimits[0].Key = policy.RateLimitKey{Source: policy.KeyField, Field: "filter.town"}
			}, "rate_limits[0].key.field"},
		{"cost integer", "Get", []policy.Route{get}, func(m *policy.Method) { m.RateLimits[0].Cost = policy.RateLimitCost{Field: "filter.request.count"} }, ""},
		{"cost text", "Get", []policy.Route{get}, func(m *policy.Method) { m.RateLimits[0].Cost = policy.RateLimitCost{Field: "id"} }, "rate_limits[0].cost.field"},
		{"purge by a read", "Get", []policy.Route{get}, func(m *policy.Method) { m.Invalidates = &policy.Invalidates{Tags: []string{"a"}} }, "invalidates"},
		{"purge unknown", "Put", []policy.Route{get},
			func(m *policy.Method) {
				m.Cache, m.Invalidates = nil, &policy.Invalidates{Tags: []string{"a", "{filter}"}}
			}, "invalidates.tags[1]"},
		{"successor", "Get", []policy.Route{get, list}, nil, "version.successor"},
		{"location", "Get", []policy.Route{get}, func(m *policy.Method) { m.Response.Location = "/v2/{id}/{empty}" }, "response.location"},
		{"route of another version", "Get", []policy.Route{get, {Verb: "GET", Path: "/v3/x"}, {Verb: "GET", Path: "/v2beta1"}},
			func(m *policy.Method) { *m = policy.Method{} }, "routes[1] routes[2]"},
		{"timeout of a stream", "Track", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Timeout: m.Timeout} }, "timeout"},
		{"breaker of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{CircuitBreaker: m.CircuitBreaker} }, ""},
		{"bound of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 1}} }, ""},
		{"adaptive bound of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Concurrency: m.Concurrency} }, "concurrency.adaptive"},
		{"silence of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Timeout: &policy.Timeout{Idle: time.Minute}} }, ""},
		{"silence of a call", "Get", []policy.Route{get}, func(m *policy.Method) { m.Timeout.Idle = time.Second }, "timeout.idle"},
		{"silence as long as the stream", "Watch", []policy.Route{get},
			func(m *policy.Method) {
				*m = policy.Method{Timeout: &policy.Timeout{Idle: time.Minute, Duration: time.Minute}}
			}, "timeout.idle"},
		{"key without API keys", "Get", []policy.Route{get}, func(m *policy.Method) { m.RateLimits[0].Key.Source = policy.KeyAPIKey }, "rate_limits[0].key.api_key"},
		{"key by API key", "Get", []policy.Route{get},
			func(m *policy.Method) {
				m.Auth.Schemes, m.RateLimits[0].Key.Source = []policy.Scheme{policy.SchemeAPIKey}, policy.KeyAPIKey
			}, ""},
		{"tiers for nobody", "Get", []policy.Route{get},
			func(m *policy.Method) {
				m.Auth, m.RateLimits[0].Tiers = nil, []policy.RateLimitTier{{Claim: "plan", Value: "gold", Requests: 1, Burst: 1}}
			}, "rate_limits[0].tiers"},
		{"purge by a stream", "Sink", []policy.Route{post},
			func(m *policy.Method) { *m = policy.Method{Invalidates: &policy.Invalidates{Tags: []string{"a"}}} }, "invalidates"},
		{"header and its bound in shadow mode", "Get", []policy.Route{get}, func(m *policy.Method) {
			m.RateLimits = []policy.RateLimit{m.RateLimits[0], byTenant()}
			m.RateLimits[0].Shadow, m.RateLimits[1].Shadow = true, true
		}, ""},
		{"conditions that a cache responds to", "Get", []policy.Route{get}, func(m *policy.Method) { m.Forward.Headers = []string{"If-None-Match", "Range"} },
			"forward.headers[0] forward.headers[1]"},
		{"headers of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Forward: m.Forward} }, ""},
		{"status of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Response: m.Response} }, "response.status"},
		{"nulls of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Response: &policy.Response{OmitNull: true}} }, ""},
		{"status after a client's stream", "Track", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Response: m.Response} }, ""},
		{"key of a client's stream", "Track", []policy.Route{post},
			func(m *policy.Method) {
				*m = policy.Method{RateLimits: m.RateLimits}
				m.RateLimits[0].Key = policy.RateLimitKey{Source: policy.KeyField, Field: "id"}
			}, "rate_limits[0]"},
		{"cost of a client's stream", "Track", []policy.Route{post},
			func(m *policy.Method) {
				*m = policy.Method{RateLimits: m.RateLimits}
				m.RateLimits[0].Cost = policy.RateLimitCost{Field: "weight"}
			}, "rate_limits[0]"},
		{"what a stream bears", "Watch", []policy.Route{get},
			func(m *policy.Method) {
				*m = policy.Method{RateLimits: m.RateLimits, Auth: m.Auth, Version: m.Version, Limits: m.Limits}
			}, ""},
		{"version unknown", "Get", []policy.Route{get}, func(m *policy.Method) { m.Etag.Field = "nosuch" }, "etag.field"},
		{"version of a read in the request alone", "Get", []policy.Route{get}, func(m *policy.Method) { m.Etag.Field = "filter.city" }, "etag.field"},
		{"version of a write", "Put", []policy.Route{get}, func(m *policy.Method) { m.Cache, m.Etag.Field = nil, "filter.city" }, ""},
		{"version of a write in the response alone", "Put", []policy.Route{get}, func(m *policy.Method) { m.Cache, m.Etag.Field = nil, "empty" }, "etag.field"},
		{"version as a number", "Put", []policy.Route{get}, func(m *policy.Method) { m.Cache, m.Etag.Field = nil, "weight" }, "etag.field"},
		{"version as bytes", "Put", []policy.Route{get}, func(m *policy.Method) { m.Cache, m.Etag.Field = nil, "raw" }, "etag.field"},
		{"version of a stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Etag: m.Etag} }, "etag"},
		{"hedge of a version", "Put", []policy.Route{get}, func(m *policy.Method) { m.Retry, m.Cache, m.Hedge = nil, nil, hedge() }, "etag"},
		{"retry of a version that has passed", "Put", []policy.Route{get},
			func(m *policy.Method) { m.Cache, m.Retry.RetryableStatusCodes = nil, []codes.Code{codes.Aborted} }, "etag"},
		{"retry of a read's version", "Get", []policy.Route{get},
			func(m *policy.Method) { m.Retry.RetryableStatusCodes = []codes.Code{codes.Aborted} }, ""},
		{"route of no version", "Get", []policy.Route{{Verb: "POST", Path: "/webhooks"}, {Verb: "GET", Path: "/vendors/v1"}},
			func(m *policy.Method) { *m = policy.Method{} }, ""},
	})
}

func TestValidateStreams(t *testing.T) {
	validateAll(t, []validated{
		{"stream", "Watch", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Stream: stream()} }, ""},
		{"stream of a call", "Get", []policy.Route{get}, func(m *policy.Method) { *m = policy.Method{Stream: stream()} }, "stream"},
		{"stream without a GET route", "Watch", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Stream: stream()} }, "stream"},
		{"client's stream without a path", "Track", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Stream: stream()} }, "stream"},
		{"ticket for nobody", "Watch", []policy.Route{get}, func(m *policy.Method) {
			*m = policy.Method{Stream: socket()}
			m.Stream.TicketPath = "/v2/things:ticket"
		}, "stream.ticket_path"},
		{"socket of another version", "Watch", nil, func(m *policy.Method) {
			*m = policy.Method{Stream: socket()}
			m.Stream.Path = "/v1/things:watch"
		}, "stream.path"},
		{"place that is a message", "Watch", []policy.Route{get}, func(m *policy.Method) {
			*m = policy.Method{Stream: stream()}
			m.Stream.ResumeField, m.Stream.IDField = "filter", "id"
		}, "stream.resume_field"},
		{"limit by a field that only the message has", "Watch", nil, func(m *policy.Method) {
			*m = policy.Method{Stream: socket(), RateLimits: []policy.RateLimit{byField("id"), {
				Name: "house", Requests: 1, Interval: time.Minute, Burst: 1, Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
			}}}
		}, "rate_limits[0]"},
	})
}

func TestValidateWebhooks(t *testing.T) {
	validateAll(t, []validated{
		{"webhook", "Put", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, ""},
		{"webhook of a read", "Get", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "webhook"},
		{"webhook that may do harm", "Add", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "webhook"},
		{"webhook of a stream", "Sink", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "webhook"},
		{"webhook by PUT", "Put", []policy.Route{{Verb: "PUT", Path: "/v2/things", Body: "*"}}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "routes[0]"},
		{"webhook of a field", "Put", []policy.Route{{Verb: "POST", Path: "/v2/things", Body: "filter"}}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "routes[0]"},
		{"webhook with a variable", "Put", []policy.Route{{Verb: "POST", Path: "/v2/things/{id}", Body: "*", Variables: []string{"id"}}},
			func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "routes[0]"},
		{"webhook of two routes", "Put", []policy.Route{post, {Verb: "POST", Path: "/v2/others", Body: "*"}}, func(m *policy.Method) { *m = policy.Method{Webhook: hook()} }, "routes[1]"},
		{"webhook of no credentials", "Put", []policy.Route{post},
			func(m *policy.Method) {
				*m = policy.Method{Webhook: hook(), Auth: &policy.Auth{Requirement: policy.AuthNone}}
			}, ""},
		{"webhook of some", "Put", []policy.Route{post},
			func(m *policy.Method) {
				*m = policy.Method{Webhook: hook(), Auth: &policy.Auth{Requirement: policy.AuthOptional}}
			}, "webhook"},
		{"webhook of a version", "Put", []policy.Route{post}, func(m *policy.Method) { *m = policy.Method{Webhook: hook(), Etag: m.Etag} }, "webhook"},
		{"webhook whose secret travels", "Put", []policy.Route{post},
			func(m *policy.Method) { *m = policy.Method{Webhook: shared("X-Tenant"), Forward: m.Forward} }, "webhook.header"},
	})
}

func TestNewRPC(t *testing.T) {
	all := methods(t)
	want := map[string]policy.RPC{
		"Get":   {Name: "shop.v2.Shop.Get", Version: "v2", Idempotency: policy.NoSideEffects},
		"Put":   {Name: "shop.v2.Shop.Put", Version: "v2", Idempotency: policy.Idempotent},
		"Add":   {Name: "shop.v2.Shop.Add", Version: "v2"},
		"Watch": {Name: "shop.v2.Shop.Watch", Version: "v2", Idempotency: policy.NoSideEffects, ServerStreaming: true},
		"Track": {Name: "shop.v2.Shop.Track", Version: "v2", Idempotency: policy.NoSideEffects, ClientStreaming: true},
	}
	for name, facts := range want {
		method := all.ByName(protoreflect.Name(name))
		got := policy.NewRPC(method, []policy.Route{get})
		if got.Input != method.Input() || got.Output != method.Output() {
			t.Errorf("%s has other messages", name)
		}
		got.Input, got.Output, facts.Routes = nil, nil, []policy.Route{get}
		if diff := cmp.Diff(facts, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPackageVersion(t *testing.T) {
	for name, want := range map[string]string{
		"venta.vendor.v2": "v2", "v1": "v1", "a.v1beta1": "v1beta1", "a.v1alpha": "v1alpha", "a.v2p1": "v2p1",
		"venta.vendor": "", "": "", "a.v": "", "a.v1x": "", "v1.a": "",
	} {
		if got := policy.PackageVersion(protoreflect.FullName(name)); got != want {
			t.Errorf("%q is of version %q, want %q", name, got, want)
		}
	}
}

func TestUnequalBreakers(t *testing.T) {
	with := func(calls int, scope policy.BreakerScope) policy.Method {
		m := valid()
		m.CircuitBreaker.MinimumCalls, m.CircuitBreaker.Scope = calls, scope
		return m
	}
	shared, own := policy.BreakerPerService, policy.BreakerPerMethod
	tests := []struct {
		name    string
		methods []policy.Method
		first   int
		others  []int
	}{
		{"none", []policy.Method{{}, with(1, own), with(2, own)}, -1, nil},
		{"one", []policy.Method{with(1, own), with(2, shared)}, 1, nil},
		{"equal", []policy.Method{with(1, shared), {}, with(1, shared)}, 0, nil},
		{"unequal", []policy.Method{{}, with(1, shared), with(2, shared), with(1, shared), with(3, shared), with(4, own)}, 1, []int{2, 4}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			first, others := policy.UnequalBreakers(test.methods)
			if first != test.first || !slices.Equal(others, test.others) {
				t.Errorf("%d and %d, want %d and %d", first, others, test.first, test.others)
			}
		})
	}
}

func TestSameLimiter(t *testing.T) {
	shared := policy.Concurrency{MaxInFlight: 10, MaxQueue: 5, PerService: true}
	critical, larger := shared, shared
	critical.Criticality = policy.CriticalityCritical
	larger.MaxQueue = 6
	if !policy.Equal(shared.Limiter(), critical.Limiter()) {
		t.Error("the criticality must not matter")
	}
	if policy.Equal(shared.Limiter(), larger.Limiter()) {
		t.Error("another queue must matter")
	}
}

// slow returns the policy with a breaker that finds calls slow.
func slow(m *policy.Method, after time.Duration) policy.Method {
	with, breaker := *m, *m.CircuitBreaker
	breaker.SlowCallDuration, breaker.SlowCallThresholdPercent = after, 50
	with.CircuitBreaker = &breaker
	return with
}

func TestDeliveriesOfOnePath(t *testing.T) {
	with := func(change func(*policy.Method)) policy.Method {
		m := policy.Method{
			Webhook: hook(), Limits: &policy.Limits{MaxRequestBytes: 9}, RateLimits: []policy.RateLimit{byTenant()},
			Timeout: &policy.Timeout{Duration: time.Second},
		}
		m.Webhook.Event = "order.sent"
		change(&m)
		return m
	}
	first := with(func(m *policy.Method) { m.Webhook.Event = "order.paid" })
	for name, test := range map[string]struct {
		change func(*policy.Method)
		apart  bool
	}{
		"another event":   {func(*policy.Method) {}, false},
		"another timeout": {func(m *policy.Method) { m.Timeout = nil }, false},
		"a limit by field": {func(m *policy.Method) {
			m.RateLimits = append(m.RateLimits, policy.RateLimit{Key: policy.RateLimitKey{Source: policy.KeyField, Field: "id"}})
		}, false},
		"the same event":      {func(m *policy.Method) { m.Webhook.Event = "order.paid" }, true},
		"every event":         {func(m *policy.Method) { m.Webhook.Event, m.Webhook.EventField = "", "" }, true},
		"another secret":      {func(m *policy.Method) { m.Webhook.Secret = "other" }, true},
		"another scheme":      {func(m *policy.Method) { m.Webhook.Scheme = policy.WebhookSvix }, true},
		"another field":       {func(m *policy.Method) { m.Webhook.EventField = "type" }, true},
		"other limits":        {func(m *policy.Method) { m.Limits = nil }, true},
		"another version":     {func(m *policy.Method) { m.Version = &policy.Version{} }, true},
		"another rate limit":  {func(m *policy.Method) { m.RateLimits[0].Requests++ }, true},
		"a further such rate": {func(m *policy.Method) { m.RateLimits = append(m.RateLimits, byTenant()) }, true},
	} {
		second := with(test.change)
		if there, back := first.ApartFrom(second), second.ApartFrom(first); (there != "") != test.apart || there != back {
			t.Errorf("%s: %q, %q", name, there, back)
		}
	}
}
