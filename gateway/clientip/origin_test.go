package clientip_test

import (
	"net/http"
	"testing"

	"github.com/venta-hq/venta/gateway/clientip"
)

// TestOrigin is what an upstream is told of where a request comes from.
func TestOrigin(t *testing.T) {
	const stranger, proxy = "192.0.2.7:1234", "10.0.0.1:1234"
	tests := []struct {
		name, peer string
		header     http.Header
		host, path string
	}{
		{"direct", stranger, http.Header{}, "shop.example:80", "192.0.2.7"},
		{"direct, mapped", "[::ffff:192.0.2.7]:1", http.Header{}, "shop.example:80", "192.0.2.7"},
		{"direct, IPv6", "[2001:db8::1]:1", http.Header{}, "shop.example:80", "2001:db8::1"},
		{"Unix socket", "@", http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Host": {"a"}}, "shop.example:80", ""},
		{"a stranger's claims", stranger, http.Header{"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Host": {"evil.example"}}, "shop.example:80", "192.0.2.7"},
		{"a proxy that says nothing", proxy, http.Header{}, "shop.example:80", "10.0.0.1"},
		{"a proxy", proxy, http.Header{"X-Forwarded-For": {"198.51.100.1"}, "X-Forwarded-Host": {"Front.example"}}, "front.example", "198.51.100.1, 10.0.0.1"},
		{"two proxies", proxy, http.Header{"X-Forwarded-For": {"8.8.8.8, 198.51.100.1", "10.0.0.2"}}, "shop.example:80", "198.51.100.1, 10.0.0.2, 10.0.0.1"},
		{"rubbish", proxy, http.Header{"X-Forwarded-For": {"198.51.100.1, unknown, 10.0.0.2"}}, "shop.example:80", "10.0.0.2, 10.0.0.1"},
		{"the nearest proxy's host", proxy, http.Header{"X-Forwarded-Host": {"evil.example, a.example", "b.example , c.example"}}, "c.example", "10.0.0.1"},
		{"no host", proxy, http.Header{"X-Forwarded-Host": {"a.example,"}}, "shop.example:80", "10.0.0.1"},
		{"a host that is none", proxy, http.Header{"X-Forwarded-Host": {"a b/\""}}, "shop.example:80", "10.0.0.1"},
	}
	extractor, err := clientip.New(proxies)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{Host: "Shop.Example:80", RemoteAddr: test.peer, Header: test.header}
			if host, path := extractor.Host(r), extractor.Path(r); host != test.host || path != test.path {
				t.Errorf("%q %q, want %q %q", host, path, test.host, test.path)
			}
			if trusted := extractor.TrustsPeer(r); trusted != (test.peer == proxy) {
				t.Errorf("trusted: %v", trusted)
			}
		})
	}
}

// TestDirectRequestsCostNothing holds that a request without a proxy allocates
// nothing to tell where it comes from.
func TestDirectRequestsCostNothing(t *testing.T) {
	extractor, err := clientip.New(proxies)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Host: "shop.example", RemoteAddr: "192.0.2.7:1234", Header: http.Header{"X-Forwarded-For": {"1.2.3.4"}}}
	if n := testing.AllocsPerRun(100, func() { _, _ = extractor.Host(r), extractor.Path(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
