package oracle_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/opaquepb"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
	oursoptioned "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oursoptioned"
)

// asStock present messages and metadata as a mux without options does.
func asStock() []runtime.ServeMuxOption {
	return []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: &runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: true},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
		}}),
		runtime.WithIncomingHeaderMatcher(runtime.DefaultHeaderMatcher),
		runtime.WithOutgoingHeaderMatcher(func(name string) (string, bool) { return runtime.MetadataHeaderPrefix + name, true }),
		runtime.WithOutgoingTrailerMatcher(func(name string) (string, bool) { return runtime.MetadataTrailerPrefix + name, true }),
	}
}

// newGateway registers all services on a gateway.
func newGateway(t testing.TB, up upstream, o gateway.Options) http.Handler {
	t.Helper()
	gw, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, register := range []func() error{
		func() error { return pb.RegisterEverythingsGateway(gw, up.conn) },
		func() error { return pb.RegisterStreamsGateway(gw, up.conn) },
		func() error { return pb.RegisterClassicsGateway(gw, up.conn) },
		func() error { return pb.RegisterEditionsGateway(gw, up.conn) },
		func() error { return opaquepb.RegisterOpaquesGateway(gw, up.conn) },
		func() error { return oursoptioned.RegisterOptionedGateway(gw, up.conn) },
	} {
		if err := register(); err != nil {
			t.Fatal(err)
		}
	}
	return gw.Handler()
}

// TestGateway compares the gateway's own responses with those of stock handlers,
// where it is meant to be the same.
func TestGateway(t *testing.T) {
	up := start(t)
	stock := runtime.NewServeMux()
	if err := forms()[0].stock(t.Context(), stock, up); err != nil {
		t.Fatal(err)
	}
	ours := newGateway(t, up, gateway.Options{
		Logger: slog.New(slog.DiscardHandler), MuxOptions: asStock(), IgnoreUnknownQuery: true,
		Settings: gateway.Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}, // stock believes everybody
	})
	seen := map[string]bool{}
	for _, q := range table() {
		t.Run(strings.ReplaceAll(q.line+" "+q.body+" "+q.header, "/", "|"), func(t *testing.T) {
			got, want := essence(ask(ours, q.http())), essence(ask(stock, q.http()))
			diff := cmp.Diff(want, got)
			if diff == "" {
				return
			}
			for _, d := range differences() {
				if d.explains(q, want.Status, got.Status) {
					seen[d.what] = true
					return
				}
			}
			t.Errorf("response (-stock +ours):\n%s", diff)
		})
	}
	for _, d := range differences() {
		if !seen[d.what] {
			t.Errorf("nothing differs because of this: %s", d.what)
		}
	}
}

// difference is a deliberate one; docs/decisions/0008-drop-in.md has the reasons.
type difference struct {
	what     string
	explains func(q request, want, got int) bool
}

func differences() []difference {
	path := func(q request) string {
		_, target, _ := strings.Cut(q.line, " ")
		before, _, _ := strings.Cut(target, "?")
		return before
	}
	value := func(q request) bool { // a field of the body that is no message
		for _, route := range []string{"/v1/bodies/", "/v1/oneof/body/string", "/v1/pairs/", "/v2/old/numbers", "/v3/new/name"} {
			if strings.HasPrefix(path(q), route) {
				return true
			}
		}
		return false
	}
	return []difference{
		{"405 is 405", func(_ request, want, got int) bool { return got == 405 && (want == 501 || want == 404) }},
		{"an empty segment is no value", func(q request, _, got int) bool {
			return got == 404 && (strings.HasSuffix(path(q), "/") || strings.Contains(path(q), "//") || strings.Contains(path(q), "/:"))
		}},
		{"an escape never separates", func(q request, _, _ int) bool {
			return strings.Contains(path(q), "%2F") || strings.Contains(path(q), "%3A")
		}},
		{"what is not UTF-8 is the client's fault", func(q request, want, got int) bool {
			return strings.Contains(q.line, "%FF") && want == 500 && got == 400
		}},
		{"no segments leave no slash", func(q request, _, _ int) bool { return path(q) == "/v1/trees/a/leaf/b" }},
		{"nested lists are split", func(q request, _, _ int) bool { return strings.HasPrefix(path(q), "/v1/nested/tags/") }},
		{"a raw body is an HttpBody", func(q request, _, _ int) bool { return strings.HasPrefix(q.line, "POST /v1/raw") }},
		{"a value is read as protojson reads it", func(q request, want, got int) bool { return value(q) && q.body != "" && want != got }},
		{"no body leaves a field unset", func(q request, _, got int) bool {
			return value(q) && got == 200 && (strings.TrimSpace(q.body) == "" || q.body == "null")
		}},
		{"a form for a body of JSON is refused", func(q request, _, got int) bool {
			return strings.HasPrefix(q.header, form_) && (got == 415 || got == 400)
		}},
		{"a body of another type than JSON is refused", func(q request, _, got int) bool { return q.body != "" && got == 415 }},
		{"JSON behind JSON is refused", func(q request, _, got int) bool {
			return got == 400 && !json.Valid([]byte(q.body)) && json.NewDecoder(strings.NewReader(q.body)).Decode(new(any)) == nil
		}},
		{"a condition that nobody would judge is refused", func(q request, want, got int) bool {
			return strings.HasPrefix(q.header, "If-None-Match") && strings.HasPrefix(q.line, "POST ") && want == 200 && got == 400
		}},
		{"a path's GET route takes a form, whatever else it has", func(q request, want, got int) bool {
			return strings.HasPrefix(q.header, form_) && want == 501 && got == 200
		}},
	}
}

// essence is the part of a response that the gateway's own additions leave alone.
func essence(a responded) responded {
	e := responded{Status: a.Status}
	if a.Status == http.StatusOK {
		e.Body = a.Body
		e.Header = http.Header{"Seen": a.Header["Grpc-Metadata-Seen"], "Content-Type": a.Header["Content-Type"]}
	}
	return e
}
