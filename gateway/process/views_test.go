package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
)

// What the admin page shows is tested on a process that serves, as others see it.

// watched is an API whose RPCs each have a policy to look at.
func watched() process.Program {
	once := policy.RateLimit{
		Name: "once", Requests: 1, Interval: time.Hour, Burst: 1, Key: policy.RateLimitKey{Source: policy.KeyGlobal}, Cost: policy.RateLimitCost{Units: 1},
	}
	tried := once
	tried.Name, tried.Requests, tried.Burst, tried.Shadow = "tried", 2, 2, true
	service := gateway.Service{Name: "grpc.testing.TestService", Source: "grpc/testing/test.proto", Methods: []gateway.Method{
		{
			Name: "EmptyCall", Call: gateway.Unary(testgrpc.TestServiceClient.EmptyCall), Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/limited"}},
			Policy: policy.Method{
				RateLimits: []policy.RateLimit{once}, Timeout: &policy.Timeout{Duration: 5 * time.Second},
				Objective: &policy.Objective{Latency: 2 * time.Second, Percentile: 99, ErrorPercent: 10, Window: policy.DefaultObjectiveWindow},
			},
		},
		{
			Name: "UnaryCall", Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall), Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/private"}},
			Policy: policy.Method{
				Auth: bearer, RateLimits: []policy.RateLimit{tried}, Timeout: &policy.Timeout{Duration: 5 * time.Second},
				Version: &policy.Version{Deprecated: time.Unix(1, 0), Sunset: time.Unix(1<<33, 0)},
			},
		},
		{
			Name: "CacheableUnaryCall", Call: gateway.Unary(testgrpc.TestServiceClient.CacheableUnaryCall), Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/broken"}},
			Policy: policy.Method{
				Timeout: &policy.Timeout{Duration: 5 * time.Second},
				CircuitBreaker: &policy.CircuitBreaker{
					ErrorThresholdPercent: 50, Window: time.Minute, MinimumCalls: 1, OpenDuration: time.Hour, HalfOpenCalls: 1,
					FailureStatusCodes: []codes.Code{codes.Unavailable},
				},
				Concurrency: &policy.Concurrency{MaxInFlight: 7, MaxQueue: 3},
			},
		},
		{
			Name: "UnimplementedCall", Call: gateway.Unary(testgrpc.TestServiceClient.UnimplementedCall), Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/tried"}},
			Policy: policy.Method{
				Timeout: &policy.Timeout{Duration: 5 * time.Second}, RateLimits: []policy.RateLimit{tried},
			},
		},
		{
			Name: "StreamingOutputCall", Call: gateway.ServerStream(testgrpc.TestServiceClient.StreamingOutputCall), Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/stream"}},
			Policy: policy.Method{Timeout: &policy.Timeout{Idle: time.Minute}},
		},
	}}
	return process.Program{Name: "shop", Version: "v1.2.3", Upstreams: process.Upstreams{"orders": {
		Target: "127.0.0.1:9",
		Register: []process.Register{func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(service, conn)
		}},
		Serve: func(r grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(r, broken{}) },
	}}}
}

// broken serves all but one RPC.
type broken struct{ echo }

func (broken) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, nil
}

func (broken) UnimplementedCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	return &testgrpc.Empty{}, nil
}

// StreamingOutputCall sends two messages, and then nothing.
func (broken) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, to testgrpc.TestService_StreamingOutputCallServer) error {
	for range 2 {
		if err := to.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
	<-to.Context().Done()
	return to.Context().Err()
}

func (broken) CacheableUnaryCall(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return nil, status.Error(codes.Unavailable, "down")
}

// TestObjectivesAreShown holds it of both forms of histograms.
func TestObjectivesAreShown(t *testing.T) {
	t.Parallel()
	for form, native := range map[string]string{"classic": "false", "native": "true"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			r := run(t, watched(), "telemetry: {native_histograms: "+native+"}\n")
			for i, want := range []int{200, 429} {
				if code, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/limited"); code != want {
					t.Fatalf("%d: %d %s", i, code, body)
				}
			}
			var got string
			within(t, waitLimit, "the next sample", func() bool {
				var view struct {
					Objectives []struct {
						Method, Kind             string
						Requests, Bad, Remaining float64
						Measured                 bool
					}
				}
				r.view(t, "/api/objectives", &view)
				got = fmt.Sprint(view.Objectives)
				return len(view.Objectives) == 2 && view.Objectives[1].Requests > 0
			})
			const method = "grpc.testing.TestService/EmptyCall"
			if want := "[{" + method + " errors 2 0 1 true} {" + method + " latency 1 0 1 true}]"; got != want {
				t.Errorf("%s, not %s", got, want)
			}
			var overview struct{ Durations map[string]float64 }
			r.view(t, "/api/overview", &overview)
			if p99 := overview.Durations["p99"]; !(0 < p99 && p99 < 10) {
				t.Errorf("%v", overview)
			}
		})
	}
}

// TestCallersAreShown holds that an operator sees who still calls what is deprecated.
func TestCallersAreShown(t *testing.T) {
	r := run(t, watched(), "logging: {access: {principal: clear}}\n")
	for _, path := range []string{"/v1/limited", "/v1/private"} { // one of which is not
		call(t, fresh(), http.MethodGet, r.HTTPURL+path, "User-Agent", "shop-app/3.2 (phone)", "Authorization", "Bearer "+r.token(t, "ada"))
	}
	var view struct {
		Callers []struct {
			Method, Kind, Caller, Sunset string
			UserAgent                    string `json:"user_agent"`
			Requests                     int
		}
	}
	r.view(t, "/api/callers", &view)
	const want = "[{grpc.testing.TestService/UnaryCall principal ada 2242-03-16T12:56:32Z shop-app/3.2 1}]"
	if got := fmt.Sprint(view.Callers); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestLimitsAndStreamsAreShown holds what bounds requests, and how it stands, to the
// names that the process's metrics have.
func TestLimitsAndStreamsAreShown(t *testing.T) {
	t.Parallel()
	r := run(t, watched(), "")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.HTTPURL+"/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := fresh().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if _, err := bufio.NewReader(stream.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/tried")
		call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/limited")
	}
	var streams struct {
		Streams []struct {
			Method                       string
			Open, Opened, Received, Sent float64
		}
	}
	within(t, waitLimit, "the next sample", func() bool {
		r.view(t, "/api/streams", &streams)
		return len(streams.Streams) == 1 && streams.Streams[0].Opened > 0
	})
	if s := streams.Streams[0]; s.Method != "grpc.testing.TestService/StreamingOutputCall" || s.Open != 1 || s.Sent < 1.9*s.Opened || s.Received != s.Opened {
		t.Errorf("%+v", s)
	}
	var view struct {
		Limits []struct {
			Name, Scope, Mode, Key string
			Methods                []string
			Requests               int
			Interval               float64 `json:"interval_seconds"`
			Allowed, Denied        float64
		}
		Concurrency []struct {
			Method, Mode            string
			Limit, InFlight, Queued *float64
		}
		Entries float64 `json:"cache_entries"`
		Bytes   float64 `json:"cache_bytes"`
	}
	r.view(t, "/api/limits", &view)
	if l := view.Limits; len(l) != 2 || l[0].Name != "once" || l[0].Denied < 2.9*l[0].Allowed || l[0].Allowed == 0 || l[0].Interval != 3600 || l[0].Key != "global" ||
		l[1].Mode != "shadow" || len(l[1].Methods) != 2 || l[1].Scope != "local" || l[1].Requests != 2 || l[1].Denied == 0 {
		t.Errorf("%+v", l)
	}
	if c := view.Concurrency; len(c) != 1 || c[0].Limit == nil || *c[0].Limit != 7 || c[0].Queued == nil {
		t.Errorf("%+v", c)
	}
	if view.Entries != 0 || view.Bytes != 0 {
		t.Errorf("%v entries of %v bytes", view.Entries, view.Bytes)
	}
}

// view reads what an API of the admin address tells.
func (r *running) view(t *testing.T, path string, into any) {
	t.Helper()
	code, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+path)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, code, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%s: %v in %s", path, err, body)
	}
}

// TestRefusalsAreShown holds that an operator finds what a client was refused for by
// the request id that the client has.
func TestRefusalsAreShown(t *testing.T) {
	r := run(t, watched(), "logging: {access: {principal: clear}}\n")
	ids := map[string]string{}
	send := func(name, path string, want int, fields ...string) {
		t.Helper()
		code, header, body := call(t, fresh(), http.MethodGet, r.HTTPURL+path, fields...)
		if code != want {
			t.Fatalf("%s: %d %s, want %d", path, code, body, want)
		}
		ids[header.Get("X-Request-Id")] = name
	}
	token := "Bearer " + r.token(t, "ada")
	send("served", "/v1/limited", 200)
	send("limit", "/v1/limited", 429)
	send("credentials", "/v1/private", 401)
	send("served", "/v1/private", 200, "Authorization", token)
	send("limit in shadow", "/v1/private?response_size=1", 200, "Authorization", token)
	send("failed", "/v1/broken", 503)
	send("breaker", "/v1/broken", 503)
	send("no route", "/v1/nowhere", 404)
	want := map[string]string{
		"limit":           "EmptyCall /v1/limited 429 rate_limits RATE_LIMITED once enforce",
		"credentials":     "UnaryCall /v1/private 401 auth CREDENTIALS_MISSING  enforce",
		"limit in shadow": "UnaryCall /v1/private 200 rate_limits RATE_LIMITED tried shadow ada",
		"breaker":         "CacheableUnaryCall /v1/broken 503 circuit_breaker CIRCUIT_OPEN  enforce",
		"no route":        "404  ROUTE_NOT_FOUND  enforce",
	}
	got := map[string]string{}
	within(t, waitLimit, "the refusals", func() bool { // a request ends behind its response
		var view struct {
			Refusals []struct {
				Method, Route, Policy, Reason, Limit, Mode, User string
				Status                                           int
				RequestID                                        string `json:"request_id"`
			}
		}
		r.view(t, "/api/refusals", &view)
		for _, one := range view.Refusals {
			method, route := strings.TrimPrefix(one.Method, "grpc.testing.TestService/"), strings.TrimPrefix(one.Route, "GET ")
			got[ids[one.RequestID]] = strings.TrimSpace(fmt.Sprintf("%s %s %d %s %s %s %s %s", method, route, one.Status, one.Policy, one.Reason, one.Limit, one.Mode, one.User))
		}
		return len(got) >= len(want)
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if _, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+"/api/refusals"); strings.Contains(body, "nowhere") || strings.Contains(body, "response_size") {
		t.Errorf("a path or a query: %s", body)
	}
}
