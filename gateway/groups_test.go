package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// grouped gives both RPCs of the service a limit of one group.
func grouped(get, remove policy.RateLimit) gateway.Service {
	s := service(policy.Method{RateLimits: []policy.RateLimit{get}})
	s.Methods[1].Policy = policy.Method{RateLimits: []policy.RateLimit{remove}}
	return s
}

func threeTogether() policy.RateLimit {
	l := limit(3, policy.KeyClientIP)
	l.Group = "orders"
	return l
}

func startGrouped(t *testing.T, s gateway.Service) *server {
	t.Helper()
	b := &backend{}
	return &server{backend: b, Server: gatewaytest.Start(t, gatewaytest.Options{
		Serve: func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(s, conn)
		},
	})}
}

// TestGroupIsOneCount holds that RPCs spend what they have together, that an
// override of something else forgives nothing, and that one of all members takes
// effect.
func TestGroupIsOneCount(t *testing.T) {
	s := startGrouped(t, grouped(threeTogether(), threeTogether()))
	refused := func(n int) (count int) {
		for i := range n {
			if s.do(t, []string{"GET", "DELETE"}[i%2], "/v2/vendors/7").status == 429 {
				count++
			}
		}
		return count
	}
	got := []int{refused(5)}
	override := func(methods string, p *policyv1.Policy) {
		t.Helper()
		if err := s.Gateway.Override([]gateway.Override{{Methods: methods, Source: "venta.yaml:3", Policy: p}}); err != nil {
			t.Fatal(err)
		}
	}
	override(getVendor, &policyv1.Policy{Timeout: &policyv1.Timeout{Duration: new("9s")}})
	got = append(got, refused(2))
	override("venta.vendor.v2.VendorService/*", &policyv1.Policy{RateLimits: []*policyv1.RateLimit{
		{Requests: new(int64(4)), Interval: new("1h"), Group: new("orders")},
	}})
	got = append(got, refused(6))
	if diff := cmp.Diff([]int{2, 2, 2}, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// TestUnequalGroups holds that what differs is refused, with the names, be it in
// one service, by an override, or in another service of the gateway.
// TestGroupsOfOtherScopes holds how far groups of one name reach.
func TestGroupsOfOtherScopes(t *testing.T) {
	for _, test := range []struct {
		scope    policy.GroupScope
		sources  [2]string // of the services
		together bool
	}{
		{policy.GroupPerService, [2]string{"shop.proto", "shop.proto"}, false},
		{policy.GroupPerFile, [2]string{"shop.proto", "store.proto"}, false},
		{policy.GroupPerFile, [2]string{"shop.proto", "shop.proto"}, true},
		{policy.GroupPerGateway, [2]string{"shop.proto", "store.proto"}, true},
	} {
		l := threeTogether()
		l.GroupScope = test.scope
		p := policy.Method{RateLimits: []policy.RateLimit{l}}
		one, other := service(p), watching(policy.Method{})
		one.Source, other.Source = test.sources[0], test.sources[1]
		other.Methods = []gateway.Method{{
			Name: "Check", Call: gateway.Unary(healthv1.HealthClient.Check), Policy: p,
			Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/check"}},
		}}
		h := inGateway(t, nil, gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) {
			vendorv2.RegisterVendorServiceServer(r, &backend{})
			healthv1.RegisterHealthServer(r, health.NewServer())
		}), one, other)
		served := 0
		for i := range 8 {
			if serve(h, get([]string{"/v2/vendors/7", "/v1/check"}[i%2])()).status == 200 {
				served++
			}
		}
		if served != map[bool]int{true: 3, false: 6}[test.together] {
			t.Errorf("scope %v, files %q: %d served", test.scope, test.sources, served)
		}
	}
}

func TestUnequalGroups(t *testing.T) {
	four := threeTogether()
	four.Requests = 4
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	names := []string{"venta.vendor.v2.VendorService.GetVendor", "orders"}
	check := func(what string, err error) {
		t.Helper()
		if err == nil || !slices.ContainsFunc(names[:1], func(n string) bool { return strings.Contains(err.Error(), n) }) || !strings.Contains(err.Error(), names[1]) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("one service", gw.Register(grouped(threeTogether(), four), &scripted{}))

	s := startGrouped(t, grouped(threeTogether(), threeTogether()))
	check("an override of one", s.Gateway.Override([]gateway.Override{{
		Methods: "venta.vendor.v2.VendorService/DeleteVendor", Source: "venta.yaml:3",
		Policy: &policyv1.Policy{RateLimits: []*policyv1.RateLimit{{Requests: new(int64(4)), Interval: new("1h"), Group: new("orders")}}},
	}}))
}
