package names_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/chaos/internal/names"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) (*names.Server, *net.Resolver) {
	t.Helper()
	s, err := names.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.Address())
	}}
}

func TestNames(t *testing.T) {
	s, resolver := start(t)
	two := []netip.Addr{netip.MustParseAddr("127.0.1.1"), netip.MustParseAddr("127.0.1.2")}
	for _, want := range [][]netip.Addr{two, two[1:]} {
		s.Set("vendor.chaos", want...)
		got, err := resolver.LookupNetIP(t.Context(), "ip", "Vendor.Chaos.")
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = got[i].Unmap()
		}
		slices.SortFunc(got, netip.Addr.Compare)
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	_, resolver := start(t)
	var failure *net.DNSError
	if _, err := resolver.LookupHost(t.Context(), "vendor.chaos."); !errors.As(err, &failure) || !failure.IsNotFound {
		t.Error(err)
	}
}

func TestNonsenseIsNoEnd(t *testing.T) {
	s, resolver := start(t)
	conn, err := net.Dial("udp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, nonsense := range []string{"", "x", string(make([]byte, 12)), string(make([]byte, 600))} {
		if _, err := conn.Write([]byte(nonsense)); err != nil {
			t.Fatal(err)
		}
	}
	s.Set("vendor.chaos", netip.MustParseAddr("127.0.1.1"))
	if _, err := resolver.LookupHost(t.Context(), "vendor.chaos."); err != nil {
		t.Error(err)
	}
}
