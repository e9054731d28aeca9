package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// byClaimHeader reads the principal's claims from a test's headers.
func byClaimHeader(r *http.Request, name string) []string { return r.Header.Values("X-Claim-" + name) }

func newMiddleware(t *testing.T, opts ratelimit.Options, limits ...policy.RateLimit) http.Handler {
	t.Helper()
	opts.Key = byHeader
	if opts.OnError == nil {
		opts.OnError = new(refusals).write
	}
	l, err := ratelimit.New(limits, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l.Middleware(accept)
}

func TestMiddlewareTiers(t *testing.T) { synctest.Test(t, testTiers) }

func testTiers(t *testing.T) {
	limit := limitBy("x", policy.KeyHeader, 10, 10, time.Minute)
	limit.Tiers = []policy.RateLimitTier{
		{Claim: "Plan", Value: "gold", Requests: 100, Burst: 50},
		{Claim: "Group", Value: "staff", Requests: 1000, Burst: 1000},
		{Claim: "Plan", Value: "silver", Requests: 20, Burst: 20},
	}
	h := newMiddleware(t, ratelimit.Options{Claim: byClaimHeader}, limit, limitBy("y", policy.KeyGlobal, 9, 9, time.Minute))
	tests := []struct {
		name   string
		claims http.Header
		policy string
		limit  string
	}{
		{"no claim", nil, `"x";q=10;w=60, "y";q=9;w=60`, `"x";r=9;t=6, "y";r=8;t=7`},
		{"no tier", http.Header{"X-Claim-Plan": {"bronze"}}, `"x";q=10;w=60, "y";q=9;w=60`, `"x";r=8;t=6, "y";r=7;t=7`},
		{"gold", http.Header{"X-Claim-Plan": {"gold"}}, `"x";q=100;w=60;venta-burst=50, "y";q=9;w=60`, `"x";r=49;t=1, "y";r=6;t=7`},
		{"a list", http.Header{"X-Claim-Group": {"a", "staff", "b"}}, `"x";q=1000;w=60, "y";q=9;w=60`, `"x";r=999;t=1, "y";r=5;t=7`},
		{"the first that matches", http.Header{"X-Claim-Plan": {"silver"}, "X-Claim-Group": {"staff"}}, `"x";q=1000;w=60, "y";q=9;w=60`, `"x";r=998;t=1, "y";r=4;t=7`},
		{"the last", http.Header{"X-Claim-Plan": {"silver"}}, `"x";q=20;w=60, "y";q=9;w=60`, `"x";r=19;t=3, "y";r=3;t=7`},
		{"a part of a value", http.Header{"X-Claim-Plan": {"gol"}}, `"x";q=10;w=60, "y";q=9;w=60`, `"x";r=7;t=6, "y";r=2;t=7`},
	}
	for _, test := range tests {
		head := serve(h, "k", test.claims).Header()
		if head.Get("RateLimit-Policy") != test.policy || head.Get("RateLimit") != test.limit {
			t.Errorf("%s: %v", test.name, head)
		}
	}
}

func TestMiddlewareRefusalNamesTheTier(t *testing.T) {
	var refused refusals
	limit := limitBy("x", policy.KeyHeader, 10, 10, time.Minute)
	limit.Tiers = []policy.RateLimitTier{{Claim: "Plan", Value: "poor", Requests: 5, Burst: 1}}
	h := newMiddleware(t, ratelimit.Options{Claim: byClaimHeader, OnError: refused.write}, limit)
	poor := http.Header{"X-Claim-Plan": {"poor"}}
	serve(h, "k", poor)
	if response := serve(h, "k", poor); response.Code != http.StatusTooManyRequests || response.Header().Get("Retry-After") != "12" {
		t.Errorf("%d %v", response.Code, response.Header())
	}
	quota := quotaFailure(t, refused.errs[0])
	if got := quota.Violations[0].Description; got != "5 requests per 1m0s, at most 1 at once" {
		t.Errorf("description = %s", got)
	}
}

func TestMiddlewareShadow(t *testing.T) {
	var would []string
	var seen []observed
	shadow := limitBy("shadow", policy.KeyHeader, 10, 1, time.Minute)
	shadow.Shadow = true
	h := newMiddleware(t, ratelimit.Options{
		OnShadow: func(_ context.Context, what string) { would = append(would, what) },
		OnDecision: func(_ *http.Request, limit string, d ratelimit.Decision) {
			seen = append(seen, observed{limit, d.Allowed})
		},
	}, shadow, limitBy("real", policy.KeyHeader, 10, 2, time.Minute))
	for i, want := range []int{200, 200, 429} {
		response := get(h, "k")
		if response.Code != want {
			t.Errorf("response %d: %d, want %d", i, response.Code, want)
		}
		if got := response.Header().Get("RateLimit-Policy"); got != `"real";q=10;w=60;venta-burst=2` {
			t.Errorf("RateLimit-Policy = %s", got)
		}
	}
	if diff := cmp.Diff([]string{"refuse", "refuse"}, would); diff != "" {
		t.Errorf("would (-want +got):\n%s", diff)
	}
	want := []observed{{"shadow", true}, {"real", true}, {"shadow", false}, {"real", true}, {"shadow", false}, {"real", false}}
	if diff := cmp.Diff(want, seen, cmp.AllowUnexported(observed{})); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

func TestMiddlewareOfShadowsAlone(t *testing.T) {
	shadow := limitBy("shadow", policy.KeyHeader, 10, 1, time.Minute)
	shadow.Shadow = true
	h := newMiddleware(t, ratelimit.Options{}, shadow)
	for range 3 {
		if response := get(h, "k"); response.Code != http.StatusOK || len(response.Header()) != 0 {
			t.Errorf("%d %v: a shadow shows", response.Code, response.Header())
		}
	}
}

func TestMiddlewareFieldStyles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := []policy.RateLimit{limitBy("wide", policy.KeyHeader, 100, 100, time.Minute), limitBy("narrow", policy.KeyHeader, 10, 2, time.Minute)}
		tests := []struct {
			style ratelimit.FieldStyle
			want  []http.Header
		}{
			{ratelimit.FieldsDraft10, []http.Header{
				{"Ratelimit-Policy": {`"wide";q=100;w=60, "narrow";q=10;w=60;venta-burst=2`}, "Ratelimit": {`"wide";r=99;t=1, "narrow";r=1;t=6`}},
				{"Ratelimit-Policy": {`"wide";q=100;w=60, "narrow";q=10;w=60;venta-burst=2`}, "Ratelimit": {`"wide";r=98;t=1, "narrow";r=0;t=6`}},
				{"Ratelimit-Policy": {`"wide";q=100;w=60, "narrow";q=10;w=60;venta-burst=2`}, "Ratelimit": {`"wide";r=98;t=1, "narrow";r=0;t=6`}, "Retry-After": {"6"}},
			}},
			{ratelimit.FieldsDraft03, []http.Header{
				{"Ratelimit-Limit": {"10"}, "Ratelimit-Remaining": {"1"}, "Ratelimit-Reset": {"6"}},
				{"Ratelimit-Limit": {"10"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"6"}},
				{"Ratelimit-Limit": {"10"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"6"}, "Retry-After": {"6"}},
			}},
			{ratelimit.FieldsNone, []http.Header{{}, {}, {"Retry-After": {"6"}}}},
		}
		for _, test := range tests {
			h := newMiddleware(t, ratelimit.Options{Fields: always(test.style)}, limits...)
			for i, want := range test.want {
				if diff := cmp.Diff(want, get(h, "k").Header()); diff != "" {
					t.Errorf("style %d, response %d (-want +got):\n%s", test.style, i, diff)
				}
			}
		}
	})
}

func always(s ratelimit.FieldStyle) func() ratelimit.FieldStyle {
	return func() ratelimit.FieldStyle { return s }
}

func TestMiddlewareOldFieldsBehindAnother(t *testing.T) {
	style := ratelimit.Options{Fields: always(ratelimit.FieldsDraft03), Key: byHeader, OnError: ignore}
	limiter := func(requests int64) *ratelimit.Limiter {
		l, err := ratelimit.New([]policy.RateLimit{limitBy("x", policy.KeyGlobal, requests, requests, time.Minute)}, style)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, test := range [][2]int64{{3, 9}, {9, 3}} {
		head := get(limiter(test[0]).Middleware(limiter(test[1]).Middleware(accept)), "").Header()
		if head.Get("RateLimit-Limit") != "3" || head.Get("RateLimit-Remaining") != "2" {
			t.Errorf("%v: %v, want the nearest limit's", test, head)
		}
	}
}

// TestMiddlewareSharesNoFields: a handler that changes its response's fields
// changes no other response's.
func TestMiddlewareSharesNoFields(t *testing.T) {
	h := newMiddleware(t, ratelimit.Options{}, limitBy("x", policy.KeyGlobal, 9, 9, time.Minute))
	head := get(h, "").Header()
	head.Add("RateLimit-Policy", "mine")
	if got := get(h, "").Header().Values("RateLimit-Policy"); len(got) != 1 {
		t.Errorf("RateLimit-Policy = %q", got)
	}
}

func TestMiddlewareWithoutTheStore(t *testing.T) {
	store := newMemoryStore()
	store.err = errors.New("secret internals")
	for _, test := range []struct {
		do   policy.StoreFailure
		code int
		head http.Header
	}{
		{policy.FailureAllow, http.StatusOK, http.Header{"Ratelimit-Policy": {`"x";q=10;w=60`}}},
		{policy.FailureDeny, http.StatusTooManyRequests, http.Header{"Ratelimit-Policy": {`"x";q=10;w=60`}, "Retry-After": {"1"}}},
		{policy.FailureLocal, http.StatusOK, http.Header{"Ratelimit-Policy": {`"x";q=10;w=60`}, "Ratelimit": {`"x";r=9;t=6`}}},
	} {
		var refused refusals
		limit := withoutStore(sharedBy("x", policy.KeyHeader, 10, 10, time.Minute), test.do)
		h := newMiddleware(t, ratelimit.Options{Store: store, Scope: "s", OnError: refused.write}, limit)
		response := get(h, "k")
		if diff := cmp.Diff(test.head, response.Header()); response.Code != test.code || diff != "" {
			t.Errorf("%v: %d (-want +got):\n%s", test.do, response.Code, diff)
		}
		for _, err := range refused.errs {
			refusal := apierror.As(err)
			if refusal == nil || refusal.Code != codes.Unavailable || refusal.Reason != apierror.LimitsUnavailable || refusal.RetryAfter != time.Second {
				t.Errorf("refusal = %+v", err)
			}
		}
	}
}

func TestMiddlewareOfASharedLimitWhoseCostIsTooHigh(t *testing.T) {
	var refused refusals
	limit := sharedBy("x", policy.KeyHeader, 10, 10, time.Minute)
	limit.Cost = policy.RateLimitCost{Field: "size"}
	store := newMemoryStore()
	h := newMiddleware(t, ratelimit.Options{
		Store: store, Scope: "s", OnError: refused.write,
		Cost: func(*http.Request, string) (int64, error) { return 11, nil },
	}, limit)
	get(h, "k")
	if refusal := apierror.As(refused.errs[0]); refusal == nil || refusal.Code != codes.InvalidArgument || len(store.calls) != 0 {
		t.Errorf("refusal = %+v, %d calls", refused.errs[0], len(store.calls))
	}
}

func TestNewRefusesWhatItCannotShare(t *testing.T) {
	shared := sharedBy("x", policy.KeyHeader, 10, 10, time.Minute)
	with := func(change func(*policy.RateLimit)) policy.RateLimit {
		bad := shared
		change(&bad)
		return bad
	}
	full := ratelimit.Options{Key: byHeader, OnError: ignore, Store: newMemoryStore(), Scope: "s", Claim: byClaimHeader}
	tests := []struct {
		name  string
		limit policy.RateLimit
		opts  func(*ratelimit.Options)
		want  string
	}{
		{"no store", shared, func(o *ratelimit.Options) { o.Store = nil }, "no Store"},
		{"no scope", shared, func(o *ratelimit.Options) { o.Scope = "" }, `scope ""`},
		{"a scope that breaks the group", shared, func(o *ratelimit.Options) { o.Scope = "a}b" }, `scope "a}b"`},
		{"no choice", with(func(l *policy.RateLimit) { l.OnStoreFailure = policy.FailureUnset }), nil, "on_store_failure: nothing says"},
		{"no such choice", with(func(l *policy.RateLimit) { l.OnStoreFailure = 9 }), nil, "on_store_failure: 9 is"},
		{"a choice without a store", with(func(l *policy.RateLimit) { l.Shared = false }), nil, "on_store_failure: a local count"},
		{"a lease without a store", with(func(l *policy.RateLimit) { l.Shared, l.OnStoreFailure, l.Lease = false, 0, 2 }), nil, "lease: a local count"},
		{"a negative lease", with(func(l *policy.RateLimit) { l.Lease = -1 }), nil, "lease: -1 is out"},
		{"over 71 years", with(func(l *policy.RateLimit) { l.Requests, l.Interval, l.Burst = 1, 24*time.Hour, 27_000 }), nil, "71 years"},
		{"a tier over 71 years", with(func(l *policy.RateLimit) {
			l.Interval, l.Tiers = 24*time.Hour, []policy.RateLimitTier{{Claim: "c", Requests: 1, Burst: 1e9}}
		}), nil, "71 years"},
		{"no claim", with(func(l *policy.RateLimit) { l.Tiers = []policy.RateLimitTier{{Requests: 1, Burst: 1}} }), nil, "no claim"},
		{"no reader of claims", with(func(l *policy.RateLimit) { l.Tiers = make([]policy.RateLimitTier, 1) }),
			func(o *ratelimit.Options) { o.Claim = nil }, "no Claim"},
		{"too many tiers", with(func(l *policy.RateLimit) { l.Tiers = make([]policy.RateLimitTier, 17) }), nil, "17 tiers"},
		{"a tier without requests", with(func(l *policy.RateLimit) { l.Tiers = []policy.RateLimitTier{{Claim: "c", Burst: 1}} }), nil, "tiers[0].requests: 0 is out"},
		{"a tier below the cost", with(func(l *policy.RateLimit) {
			l.Cost.Units, l.Tiers = 5, []policy.RateLimitTier{{Claim: "c", Requests: 10, Burst: 4}}
		}), nil, "tiers[0].burst: a request costs 5"},
		{"no such style", shared, func(o *ratelimit.Options) { o.Fields = always(9) }, "field style 9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := full
			if test.opts != nil {
				test.opts(&opts)
			}
			checkNew(t, []policy.RateLimit{test.limit}, opts, test.want)
		})
	}
}
