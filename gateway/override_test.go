package gateway_test

import (
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const getVendor = "venta.vendor.v2.VendorService/GetVendor"

// twoAnHour overrides the limits of an RPC.
func twoAnHour(methods string) gateway.Override {
	return gateway.Override{Methods: methods, Source: "venta.yaml:3", Policy: &policyv1.Policy{
		RateLimits: []*policyv1.RateLimit{{Requests: new(int64(2)), Interval: new("1h")}},
	}}
}

// statuses asks n times and returns the statuses.
func (s *server) statuses(t *testing.T, n int) []int {
	t.Helper()
	all := make([]int, n)
	for i := range all {
		all[i] = s.do(t, "GET", "/v2/vendors/7").status
	}
	return all
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestOverrideTakesEffectAndEnds(t *testing.T) {
	s := start(t, &backend{}, policy.Method{}, gateway.Options{})
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 200}) {
		t.Fatalf("before: %v", got)
	}
	if err := s.Gateway.Override([]gateway.Override{twoAnHour(getVendor)}); err != nil {
		t.Fatal(err)
	}
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 429}) {
		t.Errorf("overridden: %v", got)
	}
	if err := s.Gateway.Override(nil); err != nil {
		t.Fatal(err)
	}
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 200}) {
		t.Errorf("after: %v", got)
	}
}

// TestOverrideKeepsWhatPoliciesRemember holds that an override of one block
// neither empties a limit's counts nor closes a breaker.
func TestOverrideKeepsWhatPoliciesRemember(t *testing.T) {
	b := &backend{get: fail(codes.Unavailable, "down")}
	s := start(t, b, policy.Method{CircuitBreaker: breakerPolicy(2)}, gateway.Options{})
	if err := s.Gateway.Override([]gateway.Override{twoAnHour(getVendor)}); err != nil {
		t.Fatal(err)
	}
	s.statuses(t, 2) // opens the breaker and uses up the limit
	changed := twoAnHour(getVendor)
	changed.Policy.Limits = &policyv1.Limits{MaxRequestBytes: new(int64(10))}
	if err := s.Gateway.Override([]gateway.Override{changed}); err != nil {
		t.Fatal(err)
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != http.StatusTooManyRequests {
		t.Errorf("the counts were lost: %d", got.status)
	}
	if err := s.Gateway.Override(nil); err != nil {
		t.Fatal(err)
	}
	if got := s.do(t, "GET", "/v2/vendors/7"); got.reason() != "CIRCUIT_OPEN" {
		t.Errorf("the breaker was closed: %d %s", got.status, got.body)
	}
}

func TestOverrideIsAllOrNothing(t *testing.T) {
	s := start(t, &backend{}, policy.Method{}, gateway.Options{})
	if err := s.Gateway.Override([]gateway.Override{twoAnHour(getVendor)}); err != nil {
		t.Fatal(err)
	}
	wrong := gateway.Override{Methods: "**", Source: "venta.yaml:9", Policy: &policyv1.Policy{Timeout: &policyv1.Timeout{Duration: new("2h")}}}
	nowhere := gateway.Override{Methods: "venta.vendor.v2.VendorService/Nosuch", Source: "venta.yaml:12", Policy: &policyv1.Policy{}}
	empty := gateway.Override{Methods: getVendor, Source: "venta.yaml:15"}
	err := s.Gateway.Override([]gateway.Override{wrong, nowhere, empty})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"venta.vendor.v2.VendorService.GetVendor: venta.yaml:9: override of **: timeout.duration: 2h is out of limits",
		"venta.vendor.v2.VendorService.DeleteVendor: venta.yaml:9",
		"venta.yaml:12: override of venta.vendor.v2.VendorService/Nosuch: there is no such RPC",
		"venta.yaml:15: override of " + getVendor + ": it holds no policy",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 429}) {
		t.Errorf("the refused overrides changed something: %v", got)
	}
}

func TestLaterOverrideWins(t *testing.T) {
	s := start(t, &backend{}, policy.Method{}, gateway.Options{})
	off := gateway.Override{Methods: "venta.vendor.v2.VendorService/*", Policy: &policyv1.Policy{
		RateLimits: []*policyv1.RateLimit{{Requests: new(int64(2)), Interval: new("1h"), Mode: policyv1.Mode_MODE_OFF.Enum()}},
	}}
	if err := s.Gateway.Override([]gateway.Override{twoAnHour("**"), off}); err != nil {
		t.Fatal(err)
	}
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 200}) {
		t.Errorf("%v", got)
	}
}

func TestOverrideExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := gw.Register(service(policy.Method{}), nil); err != nil {
			t.Fatal(err)
		}
		soon, later := twoAnHour(getVendor), twoAnHour("**")
		soon.Expires, later.Expires = time.Now().Add(time.Minute), time.Now().Add(time.Hour)
		if err := gw.Override([]gateway.Override{soon, later}); err != nil {
			t.Fatal(err)
		}
		limited := func() (n int) {
			for _, p := range gw.Policies() {
				n += len(p.Policy.RateLimits)
			}
			return n
		}
		for _, step := range []struct {
			pass time.Duration
			want int
		}{{0, 2}, {59 * time.Second, 2}, {2 * time.Second, 2}, {time.Hour, 0}} {
			time.Sleep(step.pass)
			synctest.Wait()
			if got := limited(); got != step.want {
				t.Errorf("after %v: %d methods are limited, want %d", step.pass, got, step.want)
			}
		}
		if err := gw.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPoliciesTellOrigins(t *testing.T) {
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	described := service(policy.Method{Timeout: &policy.Timeout{Duration: time.Second}})
	described.Source = "shop.proto"
	described.Methods[0].Lines = gateway.Lines{"timeout": 7}
	if err := gw.Register(described, nil); err != nil {
		t.Fatal(err)
	}
	if err := gw.Override([]gateway.Override{twoAnHour(getVendor)}); err != nil {
		t.Fatal(err)
	}
	got := gw.Policies()[0]
	if got.Method != getVendor || got.Routes[0] != "GET /v2/vendors/{id}" || got.Origins["timeout"] != "shop.proto:7" ||
		!strings.HasPrefix(got.Origins["rate_limits"], "venta.yaml:3") || got.Policy.RateLimits[0].Requests != 2 {
		t.Errorf("%+v", got)
	}
}

// TestRemovedBreakerIsShownNoMore holds that metrics tell of what is there.
func TestRemovedBreakerIsShownNoMore(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	s := start(t, &backend{}, policy.Method{CircuitBreaker: breakerPolicy(5)},
		gateway.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	shown := func() (n int) {
		var read metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &read); err != nil {
			t.Fatal(err)
		}
		for _, scope := range read.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name == "venta.circuit_breaker.state" {
					n += len(m.Data.(metricdata.Gauge[int64]).DataPoints)
				}
			}
		}
		return n
	}
	if got := shown(); got != 3 {
		t.Errorf("%d states are shown, want 3 of one breaker", got)
	}
	off := gateway.Override{Methods: getVendor, Policy: &policyv1.Policy{CircuitBreaker: &policyv1.CircuitBreaker{Disabled: new(true)}}}
	if err := s.Gateway.Override([]gateway.Override{off}); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != 0 {
		t.Errorf("%d states of a breaker that is gone", got)
	}
	if err := s.Gateway.Override(nil); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != 3 {
		t.Errorf("%d states are shown, want 3 of the breaker that is back", got)
	}
}

// bounded returns an override of GetVendor until then.
func bounded(until time.Time, p *policyv1.Policy) gateway.Override {
	return gateway.Override{Methods: getVendor, Policy: p, Expires: until, Source: "memory", ID: "m1", Operator: "ana"}
}

// TestOverridesMustOutliveEachOther holds that an override which counts on another one
// ends no later: nobody could take the other one out in time.
func TestOverridesMustOutliveEachOther(t *testing.T) {
	now := time.Now()
	s := start(t, &backend{}, policy.Method{Timeout: &policy.Timeout{Duration: time.Second}}, gateway.Options{})
	patient := bounded(now.Add(time.Hour), &policyv1.Policy{Timeout: &policyv1.Timeout{Duration: new("10s")}})
	counts := func(until time.Time) gateway.Override {
		o := bounded(until, &policyv1.Policy{Retry: &policyv1.Retry{MaxAttempts: new(int32(2)), PerAttemptTimeout: new("4s")}})
		o.ID = "m2"
		return o
	}
	for name, until := range map[string]time.Time{"later": now.Add(2 * time.Hour), "never": {}} {
		err := s.Gateway.Override([]gateway.Override{patient, counts(until)})
		if err == nil || !strings.HasPrefix(err.Error(), "once memory m1: override of "+getVendor+" has expired, at ") || !strings.Contains(err.Error(), "memory m2: override of") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, until := range map[string]time.Time{"sooner": now.Add(time.Minute), "with it": now.Add(time.Hour)} {
		if err := s.Gateway.Override([]gateway.Override{patient, counts(until)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPreviewChangesNothing holds that it tells what Override would do, and does none of it.
func TestPreviewChangesNothing(t *testing.T) {
	s := start(t, &backend{}, policy.Method{}, gateway.Options{})
	shown, err := s.Gateway.Preview([]gateway.Override{twoAnHour(getVendor)})
	if err != nil || shown[0].Method != getVendor || len(shown[0].Policy.RateLimits) != 1 || !strings.HasPrefix(shown[0].Origins["rate_limits"], "venta.yaml:3") {
		t.Errorf("%v: %+v", err, shown)
	}
	if got := s.Gateway.Policies()[0]; len(got.Policy.RateLimits) != 0 || len(got.Overrides) != 0 {
		t.Errorf("%+v", got)
	}
	if got := s.statuses(t, 3); !equal(got, []int{200, 200, 200}) {
		t.Errorf("%v", got)
	}
	fixed := gateway.Override{Methods: getVendor, Policy: &policyv1.Policy{Auth: &policyv1.Auth{Requirement: policyv1.Auth_REQUIREMENT_NONE.Enum()}}}
	if _, err := s.Gateway.Preview([]gateway.Override{fixed}); err == nil || !strings.Contains(err.Error(), "auth") {
		t.Errorf("what the author permits is not asked: %v", err)
	}
	if _, err := s.Gateway.Preview([]gateway.Override{twoAnHour("shop.v1.OrderService/*")}); err == nil {
		t.Error("an override of nothing is shown")
	}
}

// TestEveryExpiryIsTold holds that an override which expires just when others are put
// in force neither stays nor goes in silence.
func TestEveryExpiryIsTold(t *testing.T) {
	var told atomic.Int64
	s := start(t, &backend{}, policy.Method{}, gateway.Options{OnOverrideExpired: func(gateway.Override) { told.Add(1) }})
	const rounds = 50
	var seen int64
	for i := range rounds {
		o := bounded(time.Now().Add(time.Duration(i)*50*time.Microsecond), &policyv1.Policy{Timeout: &policyv1.Timeout{Duration: new("10s")}})
		if err := s.Gateway.Override([]gateway.Override{o}); err != nil {
			t.Fatal(err)
		}
		inForce := s.Gateway.Overrides()
		seen += int64(len(inForce))
		if err := s.Gateway.Override(inForce); err != nil { // as a reload does, perhaps behind its end
			t.Fatal(err)
		}
		for len(s.Gateway.Overrides()) > 0 {
			runtime.Gosched()
		}
	}
	if got := told.Load(); got < seen || got > rounds {
		t.Errorf("%d are told of, %d were seen in force", got, seen)
	}
}
