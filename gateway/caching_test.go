package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"net/http/httptest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func cached(c policy.Cache) policy.Method {
	c.TTL, c.KeyFields, c.Tags = time.Minute, []string{"id"}, []string{"vendor:{id}"}
	return policy.Method{Cache: &c}
}

// numbered answers each call with its number as the vendor's name.
func numbered(_ context.Context, call int) (*vendorv2.GetVendorResponse, error) {
	return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "call " + string(rune('0'+call))}}, nil
}

// TestStaleWhileRevalidate holds that a stale answer is served at once and
// fetched anew for the next request, through the whole stack.
func TestStaleWhileRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		b := &backend{get: numbered}
		err = gw.Register(service(cached(policy.Cache{StaleWhileRevalidate: time.Hour})), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
		if err != nil {
			t.Fatal(err)
		}
		handler := gw.Handler()
		ask := func() (string, string) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", "/v2/vendors/7", nil))
			synctest.Wait()
			return w.Body.String(), w.Header().Get("Cache-Status")
		}
		ask()
		time.Sleep(2 * time.Minute)
		for _, want := range []struct{ name, status string }{
			{"call 1", "venta; hit; detail=stale-while-revalidate"}, {"call 2", "venta; hit; ttl="},
		} {
			if body, status := ask(); !strings.Contains(body, want.name) || !strings.HasPrefix(status, want.status) {
				t.Errorf("%s, %s, want %s, %s", body, status, want.name, want.status)
			}
		}
		if b.called() != 2 {
			t.Errorf("%d calls", b.called())
		}
	})
}

// TestNegativeAnswersBearTheirOwnRequest holds that a remembered NOT_FOUND does
// not repeat another request's id, and that a write purges it.
func TestNegativeAnswersBearTheirOwnRequest(t *testing.T) {
	b := &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, status.Error(codes.NotFound, "no such vendor")
	}}
	s := start(t, b, cached(policy.Cache{NegativeTTL: time.Minute}), gateway.Options{})
	for _, id := range []string{"first-request-0001", "second-request-002"} {
		got := s.do(t, "GET", "/v2/vendors/7", "X-Request-Id", id)
		if got.status != http.StatusNotFound || !strings.Contains(got.body, got.header.Get("X-Request-Id")) {
			t.Errorf("%d %s of %s", got.status, got.body, got.header.Get("X-Request-Id"))
		}
	}
	if b.called() != 1 {
		t.Errorf("%d calls, want 1", b.called())
	}
	s.do(t, "DELETE", "/v2/vendors/7")
	s.do(t, "GET", "/v2/vendors/7")
	if b.called() != 2 {
		t.Errorf("%d calls after a purge, want 2", b.called())
	}
}

// TestPostedFormsNeverShareAnAnswer holds that a form which stands for the query
// is not taken for the URL that it is posted to.
func TestPostedFormsNeverShareAnAnswer(t *testing.T) {
	s := start(t, &backend{}, cached(policy.Cache{}), gateway.Options{})
	s.do(t, "GET", "/v2/vendors/7")
	s.do(t, "GET", "/v2/vendors/7") // the URL is remembered
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v2/vendors/7", strings.NewReader(url.Values{"nosuch": {"x"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-HTTP-Method-Override", "GET")
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("the form was not read: %d %s %v", response.StatusCode, body, err)
	}
}

// TestUpstreamDecidesAboutStoring holds that what an upstream says in its metadata
// of storing an answer wins over the annotation.
func TestUpstreamDecidesAboutStoring(t *testing.T) {
	tests := []struct {
		name  string
		sent  metadata.MD
		calls int // of three requests
		field string
		want  string
	}{
		{"nothing", nil, 1, "Cache-Control", "public, no-cache"},
		{"not at all", metadata.Pairs("cache-control", "no-store"), 3, "Cache-Control", "no-store"},
		{"its own tag", metadata.Pairs("etag", `"v7"`), 1, "Etag", `"v7"`},
		{"by a header field", metadata.Pairs("vary", "X-Request-Id"), 3, "Vary", "X-Request-Id"},
		{"other metadata stays inside", metadata.Pairs("x-internal", "secret"), 1, "X-Internal", ""},
	}
	for _, hedged := range []bool{false, true} {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
					return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, grpc.SetHeader(ctx, test.sent)
				}}
				p := cached(policy.Cache{})
				if hedged {
					p.Hedge = &policy.Hedge{
						Delay: time.Second, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
						Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
					}
				}
				s := start(t, b, p, gateway.Options{UncompressedResponses: true})
				var got answer
				for i := range 3 {
					got = s.do(t, "GET", "/v2/vendors/7", "X-Request-Id", "a-request-of-this-test-"+string(rune('0'+i)))
				}
				if b.called() != test.calls || got.header.Get(test.field) != test.want {
					t.Errorf("%d calls, %s %q, want %d, %q", b.called(), test.field, got.header.Get(test.field), test.calls, test.want)
				}
			})
		}
	}
}

// TestUpstreamsVaryKeepsOurs holds that an upstream cannot take away what keeps
// one origin's answer from another's.
func TestUpstreamsVaryKeepsOurs(t *testing.T) {
	b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, grpc.SetHeader(ctx, metadata.Pairs("vary", "X-Tenant"))
	}}
	s := start(t, b, cached(policy.Cache{}), gateway.Options{Settings: gateway.Settings{AllowedOrigins: []string{"https://venta.example"}}, UncompressedResponses: true})
	for _, control := range []string{"", "no-store"} { // through the cache, and past it
		got := s.do(t, "GET", "/v2/vendors/7", "Origin", "https://venta.example", "Cache-Control", control)
		vary := strings.Join(got.header.Values("Vary"), ", ")
		if !strings.Contains(vary, "Origin") || !strings.Contains(vary, "X-Tenant") {
			t.Errorf("Cache-Control %q: Vary %q", control, vary)
		}
	}
}

// TestWhatTheUpstreamSaysTakesThePlace holds that an error of the upstream's own takes out what
// is stored, at each form of gateway.
func TestWhatTheUpstreamSaysTakesThePlace(t *testing.T) {
	for form, start := range forms {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{get: numbered}
			h := start(t, service(cached(policy.Cache{StaleIfError: time.Hour})), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
			serve(h, get("/v2/vendors/7")())
			b.get = fail(codes.PermissionDenied, "not yours")
			if got := serve(h, get("/v2/vendors/7", "Cache-Control", "no-cache")()); got.status != http.StatusForbidden {
				t.Errorf("%s: %d", form, got.status)
			}
			b.get = fail(codes.Unavailable, "away")
			if got := serve(h, get("/v2/vendors/7")()); got.status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s %q", form, got.status, got.body, got.header.Get("Cache-Status"))
			}
		})
	}
}

// TestNobodyTakesStandInsFromOthers has one client that is refused for a header of its
// own, at each form of gateway, while the service is away: what stands in for the
// service stays, whatever header that was.
func TestNobodyTakesStandInsFromOthers(t *testing.T) {
	odd := map[string][2]string{
		"a timeout that is none":          {"Grpc-Timeout", "soon"},
		"a header that no upstream takes": {"X-Tenant", "\xff"},
	}
	for form, start := range forms {
		for name, header := range odd {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{get: numbered}
				h := start(t, service(cached(policy.Cache{StaleIfError: time.Hour, VaryHeaders: []string{"X-Tenant"}})),
					gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
				ask := func(fields ...string) int {
					r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7", nil)
					for i := 0; i < len(fields); i += 2 {
						r.Header.Set(fields[i], fields[i+1])
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					return w.Code
				}
				if code := ask(); code != http.StatusOK {
					t.Fatal(code)
				}
				time.Sleep(24 * time.Minute) // virtual
				b.get = func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
					return nil, status.Error(codes.Unavailable, "")
				}
				if code := ask(header[0], header[1]); code != http.StatusBadRequest {
					t.Errorf("%s, %s: %d", form, name, code)
				}
				if code := ask(); code != http.StatusOK {
					t.Errorf("%s, %s: the next client gets %d", form, name, code)
				}
			})
		}
	}
}
