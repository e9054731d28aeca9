package clientip_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/clientip"
)

var proxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("fd00::/8"),
	netip.MustParsePrefix("::ffff:172.16.0.0/108"),
	netip.MustParsePrefix("fe80::/10"),
}

func TestFrom(t *testing.T) {
	tests := []struct {
		name      string
		peer      string
		forwarded []string
		want      string
	}{
		{"direct", "192.0.2.7:1234", nil, "192.0.2.7"},
		{"direct IPv6", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"direct, mapped", "[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		{"an untrusted peer is not believed", "192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"},
		{"an untrusted peer that names a proxy is not believed", "192.0.2.7:1", []string{"198.51.100.1, 10.0.0.1"}, "192.0.2.7"},
		{"one proxy", "10.0.0.1:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client prepended is not read", "10.0.0.1:1", []string{"8.8.8.8, 198.51.100.1"}, "198.51.100.1"},
		{"a trusted address that the client prepended", "10.0.0.1:1", []string{"10.9.9.9, 198.51.100.1"}, "198.51.100.1"},
		{"a line of its own that the client prepended", "10.0.0.1:1", []string{"8.8.8.8", "198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"two proxies in two lines", "10.0.0.1:1", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"a client that is a trusted proxy", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"mapped in the field", "10.0.0.1:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a mapped proxy in the field", "10.0.0.1:1", []string{"198.51.100.1,::ffff:10.0.0.2"}, "198.51.100.1"},
		{"a prefix that was given mapped", "172.16.0.9:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a mapped prefix ends where the IPv4 one does", "172.32.0.9:1", []string{"198.51.100.1"}, "172.32.0.9"},
		{"IPv6 proxy", "[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"proxy with a zone", "[fe80::1%eth0]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"zone in the field", "10.0.0.1:1", []string{"fe80::1%a, 2001:db8::1%x"}, "2001:db8::1"},
		{"ports in the field", "10.0.0.1:1", []string{"198.51.100.1:99, [fd00::2]:443"}, "198.51.100.1"},
		{"brackets in the field", "10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"half a bracket", "10.0.0.1:1", []string{"[2001:db8::1"}, "10.0.0.1"},
		{"rubbish is not passed over", "10.0.0.1:1", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"rubbish behind a proxy", "10.0.0.1:1", []string{"198.51.100.1, <x>, 10.0.0.2"}, "10.0.0.2"},
		{"an empty entry", "10.0.0.1:1", []string{"198.51.100.1, "}, "10.0.0.1"},
		{"an empty line", "10.0.0.1:1", []string{"198.51.100.1", ""}, "198.51.100.1"},
		{"only a comma", "10.0.0.1:1", []string{","}, "10.0.0.1"},
		{"a number that another parser reads as an address", "10.0.0.1:1", []string{"3232235521"}, "10.0.0.1"},
		{"octal digits", "10.0.0.1:1", []string{"0300.0250.0.1"}, "10.0.0.1"},
		{"tabs", "10.0.0.1:1", []string{"8.8.8.8,\t198.51.100.1\t"}, "198.51.100.1"},
		{"Unix socket", "@", []string{"198.51.100.1"}, "invalid IP"},
		{"no peer", "", nil, "invalid IP"},
	}
	extractor, err := clientip.New(proxies)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := extractor.From(r).String(); got != test.want {
				t.Errorf("From = %s, want %s", got, test.want)
			}
		})
	}
}

func TestFromTrustsNobodyByDefault(t *testing.T) {
	extractor, err := clientip.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{RemoteAddr: "127.0.0.1:80", Header: http.Header{"X-Forwarded-For": {"8.8.8.8"}}}
	if got := extractor.From(r); got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("From = %s", got)
	}
}

func TestNewRefusesAnInvalidPrefix(t *testing.T) {
	_, err := clientip.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}})
	if err == nil || !strings.Contains(err.Error(), "prefix 1") {
		t.Errorf("New = %v, want an error that names prefix 1", err)
	}
}

func TestKey(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	}
	for _, test := range tests {
		if got := clientip.Key(netip.MustParseAddr(test.addr)); got != test.want {
			t.Errorf("Key(%s) = %q, want %q", test.addr, got, test.want)
		}
	}
	if got := clientip.Key(netip.Addr{}); got != "" {
		t.Errorf("Key of no address = %q", got)
	}
}

// FuzzFrom holds that no field makes an untrusted peer somebody else, and that
// nothing left of the address that a proxy wrote matters.
func FuzzFrom(f *testing.F) {
	f.Add("8.8.8.8, 10.0.0.2")
	f.Add("[::1]:80,,%,\x00")
	extractor, err := clientip.New(proxies)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, spoof string) {
		direct := &http.Request{RemoteAddr: "192.0.2.7:1", Header: http.Header{"X-Forwarded-For": {spoof}}}
		if got := extractor.From(direct).String(); got != "192.0.2.7" {
			t.Errorf("direct: %s", got)
		}
		proxied := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {spoof + ", 192.0.2.7"}}}
		if got := extractor.From(proxied).String(); got != "192.0.2.7" {
			t.Errorf("proxied: %s", got)
		}
	})
}
