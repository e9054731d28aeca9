package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// Nobody gets an answer that was made for what another client chose. The service
// here answers with all that it sees of a request.

const evil = "e71"

// choices are what a client may try to have an answer made for.
var choices = map[string]string{
	"X-Forwarded-Host":       evil + ".example",
	"X-Forwarded-For":        "203.0.113.71, " + evil,
	"X-Forwarded-Proto":      evil,
	"Forwarded":              "host=" + evil,
	"X-Real-Ip":              evil,
	"Traceparent":            "00-" + strings.Repeat(evil+"0", 8) + "-b7ad6b7169203331-01",
	"Tracestate":             "a=" + evil,
	"Baggage":                "a=" + evil,
	"Accept-Language":        evil,
	"Cookie":                 "a=" + evil,
	"User-Agent":             evil,
	"Referer":                evil,
	"X-Tenant":               evil,
	"If-None-Match":          `"` + evil + `"`,
	"Content-Type":           "application/" + evil,
	"Accept":                 "application/" + evil,
	"Grpc-Metadata-X":        evil,
	"Grpc-Metadata-X-Bin":    "ZTcx",
	"Grpc-Metadata-Baggage":  "a=" + evil,
	"Grpc-Metadata-X-Tenant": evil,
}

// answering answers with what it sees, once it may.
func answering(gate <-chan struct{}) *backend {
	return &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
		<-gate
		md, _ := metadata.FromIncomingContext(ctx)
		var lines []string
		for _, key := range slices.Sorted(maps.Keys(md)) {
			if key != "x-request-id" {
				lines = append(lines, key+"="+strings.Join(md[key], ","))
			}
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: strings.Join(lines, "; ")}}, nil
	}}
}

func open() <-chan struct{} {
	gate := make(chan struct{})
	close(gate)
	return gate
}

// storingPaths are all ways to a stored response.
func storingPaths() map[string]func(*testing.T, *backend) http.Handler {
	all := runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { return name, true })
	stock := runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) {
		if name == "X-Other" {
			return "x-other", true
		}
		return runtime.DefaultHeaderMatcher(name)
	})
	noop := runtime.WithMetadata(func(context.Context, *http.Request) metadata.MD { return nil })
	derived := runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
		return metadata.Pairs("x-derived", r.Header.Get("X-Forwarded-Host")+r.Header.Get("Cookie")+r.Header.Get("X-Forwarded-For"))
	})
	marshaler := runtime.WithMarshalerOption("application/"+evil, &ownForm{})
	return map[string]func(*testing.T, *backend) http.Handler{
		"gateway":                    storingGateway(),
		"gateway, no-op annotator":   storingGateway(noop),
		"gateway, annotator":         storingGateway(derived),
		"gateway, matcher of all":    storingGateway(all),
		"gateway, stock's matcher":   storingGateway(stock, marshaler),
		"drop-in":                    storingDropIn(),
		"drop-in, no-op annotator":   storingDropIn(noop),
		"drop-in, annotator":         storingDropIn(derived),
		"drop-in, matcher of all":    storingDropIn(all, noop),
		"drop-in, wrapped matcher":   storingDropIn(stock, marshaler),
		"gateway, both of its own":   storingGateway(all, derived),
		"drop-in, one of everything": storingDropIn(all, derived, marshaler),
		"gateway, step in front":     behindStep(storingGateway()),
		"gateway, step and mux":      behindStep(storingGateway(noop)),
		"drop-in, step in front":     behindStep(storingDropIn(noop)),
	}
}

// behindStep puts a step of the program's own in front, which tells the service something of
// the client.
func behindStep(start func(*testing.T, *backend) http.Handler) func(*testing.T, *backend) http.Handler {
	return func(t *testing.T, b *backend) http.Handler {
		next := start(t, b)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if referer := r.Header.Get("Referer"); referer != "" {
				r = r.WithContext(metadata.AppendToOutgoingContext(r.Context(), "x-step", referer))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// ownForm is a form that a mux of the program's own has for those who ask for it.
type ownForm struct{ runtime.JSONPb }

func (*ownForm) ContentType(any) string { return "application/" + evil }

func poisonable() policy.Method {
	return policy.Method{Cache: &policy.Cache{
		TTL: time.Minute, StaleWhileRevalidate: time.Hour, KeyFields: []string{"id"}, VaryHeaders: []string{"X-Tenant"},
	}}
}

func storingGateway(options ...runtime.ServeMuxOption) func(*testing.T, *backend) http.Handler {
	return func(t *testing.T, b *backend) http.Handler {
		gw := newPoisonable(t, options...)
		if err := gw.Register(service(poisonable()), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b)); err != nil {
			t.Fatal(err)
		}
		return gw.Handler()
	}
}

func storingDropIn(options ...runtime.ServeMuxOption) func(*testing.T, *backend) http.Handler {
	return func(t *testing.T, b *backend) http.Handler {
		ctx, mux := gateway.NewContext(t.Context(), newPoisonable(t)), runtime.NewServeMux(options...)
		err := gateway.RegisterOnMux(ctx, mux, service(poisonable()), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, b))
		if err != nil {
			t.Fatal(err)
		}
		return mux
	}
}

func newPoisonable(t *testing.T, options ...runtime.ServeMuxOption) *gateway.Gateway {
	gw, err := gateway.New(gateway.Options{
		MuxOptions: options, Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		ForwardHeaders: []string{"Accept-Language"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	return gw
}

// client sends requests for one URL, with a header that it chose or none.
type client struct {
	handler http.Handler
	header  http.Header
}

func (c client) get(method string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, "/v2/vendors/7", nil)
	r.Header = c.header.Clone()
	c.handler.ServeHTTP(w, r)
	return w
}

// poisoned reports whether a response was made for another's choice, or shows it in
// a form that the client has not asked for.
func poisoned(w *httptest.ResponseRecorder) bool {
	return strings.Contains(w.Body.String(), evil) || strings.Contains(w.Header().Get("Content-Type"), evil)
}

// TestNobodyGetsAnAnswerForAnothersChoice sends the one's request first, then the
// other's, by GET and HEAD, and again once what is stored is stale and the one has
// had it refreshed.
func TestNobodyGetsAnAnswerForAnothersChoice(t *testing.T) {
	for path, start := range storingPaths() {
		for name, value := range choices {
			t.Run(path+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					handler := start(t, answering(open()))
					one := client{handler, http.Header{name: {value}}}
					other := client{handler, http.Header{}}
					for _, method := range []string{http.MethodHead, http.MethodGet} {
						one.get(method)
					}
					if w := other.get(http.MethodGet); poisoned(w) {
						t.Fatalf("%v %s", w.Header(), w.Body)
					}
					if w := other.get(http.MethodGet); !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
						t.Errorf("no hit: %v", w.Header())
					}
					time.Sleep(2 * time.Minute)
					for range 2 { // the first has it refreshed
						one.get(http.MethodGet)
						synctest.Wait()
					}
					if w := other.get(http.MethodGet); poisoned(w) {
						t.Errorf("refreshed: %v %s", w.Header(), w.Body)
					}
				})
			})
		}
	}
}

// TestFollowersGetNoAnswerForTheLeadersChoice sends both at once.
func TestFollowersGetNoAnswerForTheLeadersChoice(t *testing.T) {
	for path, start := range storingPaths() {
		for name, value := range choices {
			t.Run(path+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					gate := make(chan struct{})
					handler := start(t, answering(gate))
					leader := client{handler, http.Header{name: {value}}}
					follower := client{handler, http.Header{}}
					var followed *httptest.ResponseRecorder
					var both sync.WaitGroup
					both.Go(func() { leader.get(http.MethodGet) })
					time.Sleep(time.Millisecond)
					both.Go(func() { followed = follower.get(http.MethodGet) })
					time.Sleep(time.Millisecond)
					close(gate)
					both.Wait()
					if poisoned(followed) {
						t.Errorf("%v %s", followed.Header(), followed.Body)
					}
				})
			})
		}
	}
}

// TestNoOpAnnotatorsChangeNoHits holds that what a program adds costs no hits as
// long as it chooses nothing by it.
func TestNoOpAnnotatorsChangeNoHits(t *testing.T) {
	for _, path := range []string{"gateway", "gateway, no-op annotator", "drop-in", "drop-in, no-op annotator"} {
		handler := storingPaths()[path](t, answering(open()))
		client{handler, http.Header{}}.get(http.MethodGet)
		for _, name := range []string{"User-Agent", "Referer", "Traceparent", "X-Forwarded-Host", "X-Request-Id", "Grpc-Metadata-Connection"} {
			w := client{handler, http.Header{name: {"a"}}}.get(http.MethodGet)
			if !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
				t.Errorf("%s, %s: %v", path, name, w.Header())
			}
		}
	}
}

// TestUpstreamThatVariesOnWhatTheGatewayTells has no stored response: nobody knows
// whom it is for.
func TestUpstreamThatVariesOnWhatTheGatewayTells(t *testing.T) {
	for _, test := range []struct {
		vary   string
		stored bool
	}{
		{"x-forwarded-for", false}, {"X-Request-Id", false}, {"accept, traceparent", false}, {"x-venta-subject", false},
		{"x-forwarded-host", true}, {"accept-language", true}, {"user-agent", true},
	} {
		s := start(t, &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
			return &vendorv2.GetVendorResponse{}, grpc.SetHeader(ctx, metadata.Pairs("vary", test.vary))
		}}, cached(policy.Cache{}), gateway.Options{})
		s.do(t, "GET", "/v2/vendors/7")
		s.do(t, "GET", "/v2/vendors/7")
		if stored := s.backend.called() == 1; stored != test.stored {
			t.Errorf("vary: %s: %d calls", test.vary, s.backend.called())
		}
	}
}

// TestWhatDoesNotTravelPoisonsNothing sends a header that selects the response, but
// lists it as meant for the connection alone, so that the service does not see it.
func TestWhatDoesNotTravelPoisonsNothing(t *testing.T) {
	for path, start := range storingPaths() {
		handler := start(t, answering(open()))
		client{handler, http.Header{"X-Tenant": {"t"}, "Connection": {"x-tenant"}}}.get(http.MethodGet)
		if w := (client{handler, http.Header{"X-Tenant": {"t"}}}).get(http.MethodGet); !strings.Contains(w.Body.String(), "x-tenant=t") {
			t.Errorf("%s: %v %s", path, w.Header(), w.Body)
		}
	}
}

// TestCredentialsThatDoNotTravelPoisonNothing has a caller whom the gateway knows keep the
// credentials from the service, which then sees nobody.
func TestCredentialsThatDoNotTravelPoisonNothing(t *testing.T) {
	p := poisonable()
	p.Auth = required
	s := start(t, answering(open()), p, gateway.Options{})
	ada := s.bearer(t, "ada")
	for i, connection := range []string{"authorization", "", ""} {
		r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7", nil)
		r.Header = http.Header{"Authorization": {ada}, "Connection": {connection}}
		w := httptest.NewRecorder()
		s.Gateway.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "authorization=") != (i > 0) {
			t.Errorf("request %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
}

// TestCredentialsOfTheProgramAreInTheKey has a program make credentials of what the
// client sends elsewhere: nobody has said that others may have the response.
func TestCredentialsOfTheProgramAreInTheKey(t *testing.T) {
	session := runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
		return metadata.Pairs("authorization", "Bearer "+r.Header.Get("X-Session"))
	})
	for path, start := range map[string]func(*testing.T, *backend) http.Handler{
		"gateway": storingGateway(session), "drop-in": storingDropIn(session),
	} {
		handler := start(t, answering(open()))
		for _, status := range []string{"stored", "hit"} {
			for _, who := range []string{"ada", "eve"} {
				w := client{handler, http.Header{"X-Session": {who}}}.get(http.MethodGet)
				if !strings.Contains(w.Body.String(), "Bearer "+who) || !strings.Contains(w.Header().Get("Cache-Status"), status) {
					t.Errorf("%s, %s: %v %s", path, who, w.Header(), w.Body)
				}
			}
		}
	}
}

// TestRoutesOfOtherForms holds that two routes of one RPC share no response where they
// have other bodies.
func TestRoutesOfOtherForms(t *testing.T) {
	described := service(poisonable())
	described.Methods[0].Bindings = append(described.Methods[0].Bindings, gateway.Binding{Verb: "GET", Path: "/v2/whole/{id}"})
	gw := newPoisonable(t)
	if err := gw.Register(described, gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for path, want := range map[string]string{"/v2/vendors/7": `{"id":"7"`, "/v2/whole/7": `{"vendor":{"id":"7"`} {
			w := httptest.NewRecorder()
			gw.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if !strings.HasPrefix(w.Body.String(), want) {
				t.Errorf("%s: %s", path, w.Body)
			}
		}
	}
}
