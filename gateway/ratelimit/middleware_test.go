package ratelimit_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

var accept = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

func get(h http.Handler, key string) *httptest.ResponseRecorder { return serve(h, key, nil) }

func serve(h http.Handler, key string, head http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if head != nil {
		r.Header = head.Clone()
	}
	r.Header.Set("X-Key", key)
	w := httptest.NewRecorder()
	w.Code = 0
	h.ServeHTTP(w, r)
	return w
}

// refusals is an OnError that keeps what it was told.
type refusals struct{ errs []error }

func (f *refusals) write(w http.ResponseWriter, _ *http.Request, err error) {
	f.errs = append(f.errs, err)
	w.WriteHeader(http.StatusTooManyRequests)
}

type observed struct {
	limit   string
	allowed bool
}

func TestMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused refusals
		var seen []observed
		daily := limitBy("daily", policy.KeyHeader, 1000, 5000, 24*time.Hour)
		l, err := ratelimit.New([]policy.RateLimit{limitBy("burst", policy.KeyHeader, 10, 2, time.Minute), daily}, ratelimit.Options{
			Key: byHeader, OnError: refused.write,
			OnDecision: func(_ *http.Request, limit string, d ratelimit.Decision) {
				seen = append(seen, observed{limit, d.Allowed})
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		h := l.Middleware(accept)
		const policies = `"burst";q=10;w=60;venta-burst=2, "daily";q=1000;w=86400;venta-burst=5000`
		tests := []struct {
			code       int
			limit      string
			retryAfter string
		}{
			{200, `"burst";r=1;t=6, "daily";r=4999;t=87`, ""},
			{200, `"burst";r=0;t=6, "daily";r=4998;t=87`, ""},
			{429, `"burst";r=0;t=6, "daily";r=4998;t=87`, "6"},
		}
		for i, test := range tests {
			response := get(h, "k")
			head := response.Header()
			if response.Code != test.code || head.Get("RateLimit-Policy") != policies ||
				head.Get("RateLimit") != test.limit || head.Get("Retry-After") != test.retryAfter {
				t.Errorf("response %d: %d %v", i, response.Code, head)
			}
		}
		want := []observed{{"burst", true}, {"daily", true}, {"burst", true}, {"daily", true}, {"burst", false}, {"daily", true}}
		if diff := cmp.Diff(want, seen, cmp.AllowUnexported(observed{})); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
		checkRefusal(t, refused.errs)
	})
}

func checkRefusal(t *testing.T, errs []error) {
	if len(errs) != 1 {
		t.Fatalf("%d refusals", len(errs))
	}
	refusal := apierror.As(errs[0])
	if refusal == nil || refusal.Code != codes.ResourceExhausted || refusal.Reason != apierror.RateLimited || refusal.RetryAfter != 6*time.Second {
		t.Fatalf("refusal = %+v", errs[0])
	}
	quota := quotaFailure(t, refusal)
	if len(quota.Violations) != 1 || quota.Violations[0].Subject != "limit:burst" ||
		quota.Violations[0].Description != "10 requests per 1m0s, at most 2 at once" {
		t.Errorf("quota failure = %v", quota)
	}
}

func quotaFailure(t *testing.T, err error) *errdetails.QuotaFailure {
	t.Helper()
	for _, detail := range apierror.As(err).GRPCStatus().Details() {
		if quota, ok := detail.(*errdetails.QuotaFailure); ok {
			return quota
		}
	}
	t.Fatal("the refusal has no QuotaFailure")
	return nil
}

func TestMiddlewareFieldsWithoutAWholeWindow(t *testing.T) {
	h := newLimiter(t, limitBy("x", policy.KeyGlobal, 3, 3, 1500*time.Millisecond)).Middleware(accept)
	head := get(h, "").Header()
	if got := head.Get("RateLimit-Policy"); got != `"x";q=3` {
		t.Errorf("RateLimit-Policy = %s: a window must not be rounded", got)
	}
	if got := head.Get("RateLimit"); got != `"x";r=2;t=1` {
		t.Errorf("RateLimit = %s", got)
	}
}

func TestMiddlewareBehindAnother(t *testing.T) {
	inner := newLimiter(t, limitBy("inner", policy.KeyGlobal, 5, 5, time.Minute))
	outer := newLimiter(t, limitBy("outer", policy.KeyGlobal, 9, 9, time.Second))
	head := get(outer.Middleware(inner.Middleware(accept)), "").Header()
	if got := head.Values("RateLimit-Policy"); len(got) != 1 || got[0] != `"outer";q=9;w=1, "inner";q=5;w=60` {
		t.Errorf("RateLimit-Policy = %q", got)
	}
	if got := head.Values("RateLimit"); len(got) != 1 || got[0] != `"outer";r=8;t=1, "inner";r=4;t=12` {
		t.Errorf("RateLimit = %q", got)
	}
}

func TestMiddlewareCost(t *testing.T) {
	var refused refusals
	cost := int64(1)
	limit := limitBy("x", policy.KeyHeader, 10, 10, time.Minute)
	limit.Cost = policy.RateLimitCost{Field: "size"}
	l, err := ratelimit.New([]policy.RateLimit{limit}, ratelimit.Options{
		Key: byHeader, OnError: refused.write,
		Cost: func(_ *http.Request, field string) (int64, error) {
			if field != "size" {
				return 0, errors.New("no such field")
			}
			return cost, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := l.Middleware(accept)
	for _, test := range []struct {
		cost  int64
		limit string
	}{
		{0, `"x";r=9;t=6`}, {-5, `"x";r=8;t=6`}, {4, `"x";r=4;t=6`}, {1 << 62, `"x";r=4`}, {11, `"x";r=4`}, {4, `"x";r=0;t=6`},
	} {
		cost = test.cost
		head := get(h, "k").Header()
		if got := head.Get("RateLimit"); got != test.limit || head.Get("Retry-After") != "" {
			t.Errorf("cost %d: RateLimit = %s, Retry-After = %q", test.cost, got, head.Get("Retry-After"))
		}
	}
	if len(refused.errs) != 2 {
		t.Fatalf("%d refusals, want 2", len(refused.errs))
	}
	const want = `INVALID_REQUEST: the request costs 11 units and rate limit "x" admits at most 10 at once`
	if refusal := apierror.As(refused.errs[1]); refusal == nil || refusal.Error() != want || refusal.Code != codes.InvalidArgument {
		t.Errorf("refusal = %v, want %s", refused.errs[1], want)
	}
}

func TestMiddlewareRefusesWhatItCannotRead(t *testing.T) {
	keyed := limitBy("x", policy.KeyPrincipal, 10, 10, time.Minute)
	costed := limitBy("x", policy.KeyGlobal, 10, 10, time.Minute)
	costed.Cost = policy.RateLimitCost{Field: "size"}
	for _, limit := range []policy.RateLimit{keyed, costed} {
		var refused refusals
		l, err := ratelimit.New([]policy.RateLimit{limit}, ratelimit.Options{
			Key:     func(*http.Request, policy.RateLimitKey) (string, error) { return "", errNoKey },
			Cost:    func(*http.Request, string) (int64, error) { return 0, errNoKey },
			OnError: refused.write,
		})
		if err != nil {
			t.Fatal(err)
		}
		reached := false
		get(l.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })), "k")
		if reached || len(refused.errs) != 1 || !errors.Is(refused.errs[0], errNoKey) {
			t.Errorf("reached %v, refusals %v", reached, refused.errs)
		}
	}
}

func TestMiddlewareWithAWaitOfCenturies(t *testing.T) {
	limit := limitBy("x", policy.KeyGlobal, 1, 1e9, 24*time.Hour)
	limit.Cost.Units = 1e9
	var refused refusals
	l, err := ratelimit.New([]policy.RateLimit{limit}, ratelimit.Options{OnError: refused.write})
	if err != nil {
		t.Fatal(err)
	}
	h := l.Middleware(accept)
	get(h, "")
	if response := get(h, ""); response.Code != http.StatusTooManyRequests || response.Header().Get("Retry-After") != "" {
		t.Errorf("%d %v", response.Code, response.Header())
	}
	if refusal := apierror.As(refused.errs[0]); refusal.Code != codes.ResourceExhausted || refusal.RetryAfter != 0 {
		t.Errorf("refusal = %+v", refusal)
	}
}
