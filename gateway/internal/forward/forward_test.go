package forward_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway/internal/forward"
)

// TestReserved is what a client would say in the name of a proxy or the gateway, or
// of a connection that it does not have.
func TestReserved(t *testing.T) {
	for _, key := range []string{
		"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length", "host",
		"content-type", "user-agent", "grpc-timeout", "grpc-trace-bin", "grpcgateway-host", "x-venta-criticality", "authorization",
		"cookie", "x-api-key", "forwarded", "x-forwarded-for", "x-forwarded-client-cert", "x-real-ip", "x-user-id", "traceparent",
		"tracestate", "baggage", "b3", "x-b3-traceid", "x-request-id", "x-envoy-upstream-rq-timeout-ms", "x-http-method-override",
		"x_user_id", "x.real.ip", "x-forwarded_for", "authorization-bin", "x-user-id-bin",
	} {
		if !forward.Reserved(key) || forward.MetadataKey(http.CanonicalHeaderKey("Grpc-Metadata-"+key)) != "" {
			t.Errorf("a client can choose %q", key)
		}
	}
	for _, key := range []string{"x-suffix", "tenant", "data-bin", "x-tenant-id", "x-correlation-id", "hostname", "team", "grpcx"} {
		if got := forward.MetadataKey(http.CanonicalHeaderKey("Grpc-Metadata-" + key)); got != key {
			t.Errorf("%q sets %q", key, got)
		}
	}
	for _, header := range []string{"Grpc-Metadata-", "Grpc-Metadata-A!b", "X-Suffix", "Grpc-Metadata"} {
		if got := forward.MetadataKey(header); got != "" {
			t.Errorf("%s sets %q", header, got)
		}
	}
}

// TestKeysAreGrpcGateways holds the keys to those of the library in go.mod.
func TestKeysAreGrpcGateways(t *testing.T) {
	for _, header := range []string{
		"Accept", "Accept-Charset", "Accept-Language", "Accept-Ranges", "Cache-Control", "Cookie", "Date", "From", "If-Match",
		"If-Modified-Since", "If-None-Match", "If-Schedule-Tag-Match", "If-Unmodified-Since", "Origin", "Pragma", "Referer",
		"User-Agent", "Warning", "X-Tenant", "X-Api-Key", "Prefer", "Idempotency-Key", "Accept-Patch", "Dnt", "Save-Data",
	} {
		want, ok := runtime.DefaultHeaderMatcher(header)
		if want = strings.ToLower(want); !ok {
			want = strings.ToLower(header)
		}
		if got := forward.Key(header); got != want || forward.Refusal(header) != "" {
			t.Errorf("%s: %q, want %q, refused because it %q", header, got, want, forward.Refusal(header))
		}
	}
}

func TestAppend(t *testing.T) {
	rule := forward.NewRule([]string{"accept-language", "X-Tenant", "X-Blob-Bin"}, []string{"X-TENANT", "Cookie"})
	tests := []struct {
		name   string
		header http.Header
		want   string
	}{
		{"nothing", http.Header{"Accept": {"a"}, "User-Agent": {"b"}, "X-Other": {"c"}}, ""},
		{"credentials", http.Header{"Authorization": {"Bearer x"}}, "authorization=Bearer x"},
		{"listed", http.Header{"Accept-Language": {"de", "en"}, "X-Tenant": {"t"}, "Cookie": {"a=b"}},
			"grpcgateway-accept-language=de grpcgateway-accept-language=en x-tenant=t grpcgateway-cookie=a=b"},
		{"metadata", http.Header{"Grpc-Metadata-A": {"1", "2"}, "Grpc-Metadata-Connection": {"close"}}, "a=1 a=2"},
		{"binary", http.Header{"X-Blob-Bin": {"aGk="}, "Grpc-Metadata-A-Bin": {"aG8"}}, "x-blob-bin=hi a-bin=ho"},
		{"for this connection alone", http.Header{
			"Connection": {"keep-alive, X-tenant", "Grpc-Metadata-A,authorization"}, "X-Tenant": {"t"}, "Grpc-Metadata-A": {"a"},
			"Authorization": {"x"}, "Cookie": {"c"},
		}, "grpcgateway-cookie=c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pairs, err := rule.Append(nil, test.header)
			var got []string
			for i := 0; i < len(pairs); i += 2 {
				got = append(got, pairs[i]+"="+pairs[i+1])
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("%q %v, want %q", got, err, test.want)
			}
		})
	}
	for _, header := range []http.Header{
		{"Authorization": {"a\x7f"}}, {"X-Tenant": {"é"}}, {"Grpc-Metadata-A-Bin": {"!"}}, {"Grpc-Metadata-A": {"ok", "\n"}},
	} {
		if _, err := rule.Append(nil, header); err == nil || errors.Is(err, forward.ErrTooLarge) {
			t.Errorf("%v: %v", header, err)
		}
	}
}

// TestBounds are of all that a client chose together, but for its credentials.
func TestBounds(t *testing.T) {
	rule := forward.NewRule([]string{"X-A"})
	many := func(n int) []string { return slices.Repeat([]string{"v"}, n) }
	text := func(n int) []string { return []string{strings.Repeat("v", n)} }
	tests := []struct {
		name   string
		header http.Header
		fits   bool
	}{
		{"the most fields", http.Header{"X-A": many(8), "Grpc-Metadata-A": many(8)}, true},
		{"one more", http.Header{"X-A": many(8), "Grpc-Metadata-A": many(9)}, false},
		{"reserved ones do not count", http.Header{"Grpc-Metadata-Host": many(99), "X-B": many(99)}, true},
		{"the most bytes", http.Header{"X-A": text(2000), "Grpc-Metadata-A": text(4096 - 2000 - 4)}, true},
		{"one byte more", http.Header{"X-A": text(2000), "Grpc-Metadata-A": text(4096 - 2000 - 3)}, false},
		{"credentials", http.Header{"Authorization": text(60000)}, true},
	}
	for _, test := range tests {
		if _, err := rule.Append(nil, test.header); (err == nil) != test.fits || err != nil && !errors.Is(err, forward.ErrTooLarge) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestWithholds is what the client sends and does not let travel.
func TestWithholds(t *testing.T) {
	for connection, want := range map[string]bool{
		"": false, "close": false, "keep-alive, TE": false, "X-Other": false, "x-tenant": true, "close , X-Tenant": true, "Authorization": false,
	} {
		header := http.Header{"Connection": {connection}, "X-Tenant": {"t"}, "X-Other": {"o"}}
		if got := forward.Withholds(header, "Authorization", "X-Tenant"); got != want {
			t.Errorf("Connection: %s: %v", connection, got)
		}
	}
}

// TestProgram is what a mux's own functions may read and say.
func TestProgram(t *testing.T) {
	header := http.Header{
		"Accept": {"a"}, "X-Hop": {"h"}, "Connection": {"X-Hop"}, "If-None-Match": {"e"},
		"Grpc-Metadata-A": {"a"}, "Grpc-Metadata-X-User-Id": {"root"}, "Grpc-Metadata-Connection": {"close"}, "Grpc-Metadata-X-Venta-A": {"a"},
	}
	names := func(h http.Header) string {
		var list []string
		for name := range h {
			list = append(list, name)
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	for _, test := range []struct{ got, want string }{
		{names(forward.Visible(header, false)), "Accept Connection Grpc-Metadata-A If-None-Match"},
		{names(forward.Visible(header, true)), "Accept Connection Grpc-Metadata-A"},
		{names(forward.VisibleToStock(header)), "Accept Connection Grpc-Metadata-A Grpc-Metadata-X-User-Id If-None-Match"},
	} {
		if test.got != test.want {
			t.Errorf("visible: %s, want %s", test.got, test.want)
		}
	}
	if len(header) != 8 {
		t.Error("the client's header was changed")
	}
	md := map[string][]string{
		"a": {"1", "2"}, "te": {"x"}, "x-forwarded-host": {"h"}, "x-venta-a": {"v"}, "traceparent": {"t"}, "grpc-timeout": {"1S"}, "authorization": {"x"},
	}
	for _, test := range []struct{ got, want string }{
		{strings.Join(forward.OfProgram(md), " "), "a 1 a 2 authorization x traceparent t"},
		{strings.Join(forward.OfStock(md), " "), "a 1 a 2 authorization x grpc-timeout 1S traceparent t x-forwarded-host h"},
		{forward.CacheKey(forward.OfProgram(md), func(c string) bool { return c == "x" }), "1:a1:11:a1:2"},
		{forward.CacheKey(forward.OfProgram(md), func(string) bool { return false }), "1:a1:11:a1:213:authorization1:x"},
		{strings.Join(forward.AppendAbsent([]string{"a", "1"}, []string{"a", "2", "b", "3", "b", "4"}), " "), "a 1 b 3 b 4"},
		{strings.Join(forward.Set([]string{"a", "1", "b", "2", "a", "3"}, "a", "4"), " "), "b 2 a 4"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
