package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// indiscreet is a business error with everything that a client must not see, also
// within other details, and one that it must.
func indiscreet(t *testing.T, code codes.Code) error {
	t.Helper()
	pack := func(m proto.Message) *anypb.Any {
		packed, err := anypb.New(m)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	debug := pack(&errdetails.DebugInfo{StackEntries: []string{"secret.go:7"}, Detail: "secret"})
	claim := pack(&errdetails.ErrorInfo{Reason: "CIRCUIT_OPEN", Domain: "Gateway.Venta"})
	return status.FromProto(&spb.Status{Code: int32(code), Message: "no such order", Details: []*anypb.Any{
		debug, claim,
		pack(&errdetails.ErrorInfo{Reason: "NO_ORDER", Domain: "shop.example"}),
		pack(&spb.Status{Code: 5, Details: []*anypb.Any{debug, claim}}),
		pack(debug),
		{TypeUrl: "type.googleapis.com/shop.v1.Unknown", Value: []byte("secret")},
		{TypeUrl: "type.googleapis.com/google.rpc.Help", Value: []byte("\xff")},
	}}).Err()
}

func checkDiscreet(t *testing.T, what string, status, want int, body string) {
	t.Helper()
	if status != want || strings.Contains(body, "secret") || strings.Contains(strings.ToLower(body), `"gateway.venta"`) {
		t.Errorf("%s: %d %s", what, status, body)
	}
	for _, wanted := range []string{`no such order`, `NO_ORDER`, `shop.example`, `CIRCUIT_OPEN`, `upstream.gateway.venta`} {
		if !strings.Contains(body, wanted) {
			t.Errorf("%s: no %s in %s", what, wanted, body)
		}
	}
}

// TestDetailsAreDiscreet holds that what an upstream puts into a business error
// reaches no client where it is not for one, and passes for no error of the
// gateway: fresh, stored, as problem details, and of a stream.
func TestDetailsAreDiscreet(t *testing.T) {
	b := &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, indiscreet(t, codes.NotFound)
	}}
	s := start(t, b, policy.Method{
		Cache: &policy.Cache{TTL: time.Minute, NegativeTTL: time.Minute, Audience: policy.AudiencePublic},
	}, gateway.Options{})
	for _, what := range []string{"fresh", "stored"} {
		got := s.do(t, "GET", "/v2/vendors/7")
		checkDiscreet(t, what, got.status, http.StatusNotFound, got.body)
	}
	problem := s.do(t, "GET", "/v2/vendors/7", "Accept", "application/problem+json")
	checkDiscreet(t, "problem details", problem.status, http.StatusNotFound, problem.body)
	if calls := b.called(); calls != 1 {
		t.Errorf("%d calls: nothing was stored", calls)
	}
	for _, after := range []int{0, 1} {
		got := watchFailing(t, after, indiscreet(t, codes.NotFound))
		checkDiscreet(t, "a stream", got.status, []int{http.StatusNotFound, http.StatusOK}[after], got.body)
	}
}

// watcher sends a number of messages, and fails.
type watcher struct {
	healthv1.UnimplementedHealthServer
	after int
	err   error
}

func (w watcher) Watch(_ *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse]) error {
	for range w.after {
		if err := stream.Send(&healthv1.HealthCheckResponse{}); err != nil {
			return err
		}
	}
	return w.err
}

func watchFailing(t *testing.T, after int, err error) answer {
	t.Helper()
	s := &server{log: &syncBuffer{}, Server: gatewaytest.Start(t, gatewaytest.Options{
		Serve: func(r grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(r, watcher{after: after, err: err}) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(watching(policy.Method{}), conn)
		},
	})}
	return s.do(t, "GET", "/v1/watch")
}
