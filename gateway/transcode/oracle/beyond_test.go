package oracle_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// TestBeyondStock holds what works though stock handlers for it do not compile,
// and responses that a policy presents.
func TestBeyondStock(t *testing.T) {
	up := start(t)
	services := []gateway.Service{
		{Name: "venta.oracle.v1.Everythings", Methods: []gateway.Method{
			{Name: "Text", Call: gateway.Unary(pb.EverythingsClient.Text), Bindings: []gateway.Binding{
				{Verb: "GET", Path: "/optional/{maybe_level}"},
				{Verb: "GET", Path: "/nested/{inner.maybe}/{inner.tags}"},
				{Verb: "GET", Path: "/mask/{update_mask}"},
				{Verb: "PATCH", Path: "/oneof", Body: "one_inner"},
				{Verb: "POST", Path: "/unset", Body: "*", ResponseBody: "one_string"},
				{Verb: "POST", Path: "/deep", Body: "*", ResponseBody: "inner.inner.name"},
			}},
		}},
		{Name: "venta.oracle.v1.Classics", Methods: []gateway.Method{
			{Name: "Classic", Call: gateway.Unary(pb.ClassicsClient.Classic), Bindings: []gateway.Binding{
				{Verb: "GET", Path: "/classic/{kind}/{choice_name}/{data}"},
			}},
		}},
		{Name: "venta.oracle.v1.Streams", Methods: []gateway.Method{
			{
				Name: "Collect", Call: gateway.ClientStream(pb.StreamsClient.Collect),
				Bindings: []gateway.Binding{{Verb: "POST", Path: "/collect", Body: "*"}},
				Policy:   policy.Method{Response: &policy.Response{Status: http.StatusCreated, Location: "/text/{a_string}"}},
			},
		}},
	}
	mux := runtime.NewServeMux()
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		if err := gateway.RegisterOnMux(t.Context(), mux, s, up.conn); err != nil {
			t.Fatal(err)
		}
		if err := gw.Register(s, up.conn); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		request request
		status  int
		body    string // a part of it
	}{
		{request{line: "GET /optional/LEVEL_HIGH"}, 200, `"maybeLevel":"LEVEL_HIGH"`},
		{request{line: "GET /optional/nosuch"}, 400, `"code":3`},
		{request{line: "GET /nested/true/a"}, 200, `"maybe":true`},
		{request{line: "GET /mask/a,b.c"}, 200, `"updateMask":"a,b.c"`},
		{request{line: "PATCH /oneof", body: `{"name":"a"}`}, 200, `"updateMask":"name"`},
		{request{line: "POST /unset", body: `{"oneInt":"1"}`}, 200, `null`},
		{request{line: "POST /unset", body: `{"oneString":"a"}`}, 200, `"a"`},
		{request{line: "POST /deep", body: `{}`}, 200, `null`},
		{request{line: "POST /deep", body: `{"inner":{"inner":{"name":"a"}}}`}, 200, `"a"`},
		{request{line: "GET /classic/OLD_KIND_SECOND/x/aGk"}, 200, `"choiceName":"x"`},
		{request{line: "POST /collect", body: `{"aString":"a"}{"aString":"b"}`}, 201, `"strings":["a","b"]`},
	}
	for _, test := range tests {
		for name, h := range map[string]http.Handler{"mux": mux, "gateway": gw.Handler()} {
			t.Run(name+strings.ReplaceAll(" "+test.request.line, "/", "|"), func(t *testing.T) {
				w := newChunks()
				h.ServeHTTP(w, test.request.http())
				body := strings.ReplaceAll(w.open.String(), `": `, `":`)
				body = strings.ReplaceAll(body, `", "`, `","`)
				if w.status != test.status || !strings.Contains(body, test.body) {
					t.Errorf("status %d: %s", w.status, body)
				}
				if location := w.sent.Get("Location"); (test.status == 201) != (location == "/text/") {
					t.Errorf("Location %q", location)
				}
			})
		}
	}
}
