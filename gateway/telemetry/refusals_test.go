package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// refusing is a server whose requests end as a function says, at "/METHOD".
func refusing(t *testing.T, o telemetry.Options, end http.HandlerFunc) func(method string, n int) {
	t.Helper()
	routes := map[string]*telemetry.Route{}
	h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.URL.Path[1:]; name != "" {
			telemetry.FromContext(r.Context()).SetRoute(routes[name])
		}
		end(w, r)
	}))
	return func(method string, n int) {
		if routes[method] == nil {
			routes[method] = telemetry.NewRoute("/v1/"+method, "/shop.v1.S/"+method)
		}
		for range n {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/"+method+"?secret", nil))
		}
	}
}

func limited(w http.ResponseWriter, r *http.Request) {
	telemetry.LimitedBy(r.Context(), "per-client")
	refuseAs(w, r, apierror.RateLimited, http.StatusTooManyRequests)
}

func refuseAs(w http.ResponseWriter, r *http.Request, reason apierror.Reason, status int) {
	telemetry.Failed(r.Context(), &apierror.Error{Code: codes.Unavailable, Reason: reason})
	w.WriteHeader(status)
}

// TestAFloodHidesNothing holds that refusals are bounded in number and in time, by
// RPC and block, and that none hides another one's.
func TestAFloodHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := apierror.RateLimited
		refusals := telemetry.NewRefusals()
		send := refusing(t, telemetry.Options{Refusals: refusals}, func(w http.ResponseWriter, r *http.Request) { refuseAs(w, r, reason, 503) })
		reason = apierror.CircuitOpen
		send("Get", 1)
		send("List", 1)
		reason = apierror.RouteNotFound
		send("", 1)
		reason = apierror.RateLimited
		time.Sleep(time.Second)
		for range 10 {
			send("Get", 1000)
			send("", 1000)
			time.Sleep(time.Second)
		}
		all, leftOut := refusals.Last(200, nil)
		counts := map[string]int{}
		for i, one := range all {
			counts[one.Method+" "+one.Policy]++
			if i > 0 && one.At.After(all[i-1].At) {
				t.Error("they do not begin with the newest")
			}
		}
		want := map[string]int{
			"shop.v1.S/Get rate_limits": 16, "shop.v1.S/Get circuit_breaker": 1, "shop.v1.S/List circuit_breaker": 1, " rate_limits": 16, " ": 1,
		}
		if fmt.Sprint(counts) != fmt.Sprint(want) || leftOut != 2*10*(1000-5) {
			t.Errorf("%v, %d left out", counts, leftOut)
		}
		one, leftOut := refusals.Last(200, func(method string) bool { return method == "shop.v1.S/List" })
		if len(one) != 1 || leftOut != 0 {
			t.Errorf("%v, %d left out", one, leftOut)
		}
		if newest, _ := refusals.Last(3, nil); len(newest) != 3 || newest[0].At.Before(all[0].At) {
			t.Errorf("%v", newest)
		}
	})
}

// TestShadowsHideNothing holds it of what a block in shadow would have refused.
func TestShadowsHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := telemetry.NewRefusals()
		send := refusing(t, telemetry.Options{Refusals: refusals}, func(_ http.ResponseWriter, r *http.Request) {
			for i := range 20 {
				telemetry.Shadowed(r.Context(), "rate_limits", "refuse", "l"+strconv.Itoa(i))
			}
			telemetry.Shadowed(r.Context(), "concurrency", "queue", "") // is no refusal
			telemetry.Shadowed(r.Context(), "version", "gone", "")
		})
		send("Get", 2)
		all, leftOut := refusals.Last(200, nil)
		var got []string
		for _, one := range all {
			got = append(got, fmt.Sprint(one.Policy, one.Would, one.Reason, one.Limit, one.Status))
		}
		if len(got) != 7 || leftOut != 35 || strings.Count(strings.Join(got, " "), "versiongoneVERSION_GONE200") != 2 ||
			strings.Count(strings.Join(got, " "), "rate_limitsrefuseRATE_LIMITEDl0200") != 1 {
			t.Errorf("%q, %d left out", got, leftOut)
		}
	})
}

// TestWhatIsNoRefusal holds that neither an upstream's errors nor those that a stale
// response stands in for are refusals.
func TestWhatIsNoRefusal(t *testing.T) {
	for name, end := range map[string]http.HandlerFunc{
		"success":         func(http.ResponseWriter, *http.Request) {},
		"upstream":        func(w http.ResponseWriter, r *http.Request) { refuseAs(w, r, apierror.UpstreamUnavailable, 503) },
		"internal":        func(w http.ResponseWriter, r *http.Request) { refuseAs(w, r, apierror.Internal, 500) },
		"stale":           func(w http.ResponseWriter, r *http.Request) { refuseAs(w, r, apierror.CircuitOpen, 200) },
		"a route's own":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a client's time": func(w http.ResponseWriter, r *http.Request) { refuseAs(w, r, apierror.TimeoutExceeded, 504) },
	} {
		refusals := telemetry.NewRefusals()
		refusing(t, telemetry.Options{Refusals: refusals}, end)("Get", 1)
		if all, _ := refusals.Last(10, nil); len(all) != 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// TestWhoWasRefused holds that names are as the access log has them.
func TestWhoWasRefused(t *testing.T) {
	for form, want := range map[telemetry.PrincipalForm]string{
		telemetry.PrincipalHash: "hash", telemetry.PrincipalClear: "ada", telemetry.PrincipalNone: "",
	} {
		access, err := telemetry.NewAccessLog(telemetry.AccessOptions{Principal: form})
		if err != nil {
			t.Fatal(err)
		}
		refusals := telemetry.NewRefusals()
		send := refusing(t, telemetry.Options{Refusals: refusals, Access: func() *telemetry.AccessLog { return access }}, func(w http.ResponseWriter, r *http.Request) {
			telemetry.Authenticated(r.Context(), telemetry.Caller{Issuer: "i", Subject: "ada"})
			limited(w, r)
		})
		send("Get", 1)
		all, _ := refusals.Last(1, nil)
		one := all[0]
		if len(one.UserHash) == 22 {
			one.UserHash = "hash"
		}
		if one.UserHash+one.User != want || one.Limit != "per-client" || one.Route != "GET /v1/Get" || len(one.RequestID) != 32 {
			t.Errorf("%+v, want %s", one, want)
		}
	}
}

// TestRefusalsCostNothing holds that neither a success nor a refusal beyond the rate
// allocates more than without.
func TestRefusalsCostNothing(t *testing.T) {
	for name, end := range map[string]http.HandlerFunc{
		"success": func(http.ResponseWriter, *http.Request) {},
		"refused": limited,
		"shadow": func(_ http.ResponseWriter, r *http.Request) {
			telemetry.Shadowed(r.Context(), "rate_limits", "refuse", "l")
		},
	} {
		allocations := func(o telemetry.Options) float64 {
			route := telemetry.NewRoute("/v1/orders", method)
			h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				telemetry.FromContext(r.Context()).SetRoute(route)
				end(w, r)
			}))
			r, w := httptest.NewRequest(http.MethodGet, "/v1/orders", nil), discard{http.Header{}}
			return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) })
		}
		without, with := allocations(telemetry.Options{}), allocations(telemetry.Options{Refusals: telemetry.NewRefusals()})
		if with > without+ofRaceDetector {
			t.Errorf("%s: %v allocations, without %v", name, with, without)
		}
	}
}
