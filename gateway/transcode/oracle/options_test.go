package oracle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// TestMuxOptions holds that a mux's options have the effect that they have on
// stock handlers.
func TestMuxOptions(t *testing.T) {
	up := start(t)
	conn := forms()[0]
	for name, options := range muxOptions() {
		t.Run(name, func(t *testing.T) {
			p := conn.serve(t, up, options...)
			for i, q := range append(optionTable(), table()...) {
				if i > 50 && i%5 != 0 {
					continue // TestTable has them all
				}
				t.Run(strings.ReplaceAll(q.line+" "+q.body+" "+q.header, "/", "|"), func(t *testing.T) { p.compare(t, q.http) })
			}
		})
	}
}

func muxOptions() map[string][]runtime.ServeMuxOption {
	jsonpb := &runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true}}
	return map[string][]runtime.ServeMuxOption{
		"strict JSON":     {runtime.WithMarshalerOption(runtime.MIMEWildcard, jsonpb)},
		"JSON of structs": {runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONBuiltin{})},
		"wire format":     {runtime.WithMarshalerOption("application/octet-stream", &runtime.ProtoMarshaller{})},
		"foreign format":  {runtime.WithMarshalerOption(runtime.MIMEWildcard, lines{})},
		"matchers": {
			runtime.WithIncomingHeaderMatcher(func(name string) (string, bool) { return strings.ToLower(name), strings.HasPrefix(name, "X-") }),
			runtime.WithOutgoingHeaderMatcher(func(name string) (string, bool) { return "Out-" + name, name == "seen" }),
			runtime.WithOutgoingTrailerMatcher(func(name string) (string, bool) { return "Trail-" + name, name == "seen" }),
		},
		"errors":               {runtime.WithErrorHandler(tellError), runtime.WithRoutingErrorHandler(tellRouting)},
		"forwarding":           {runtime.WithForwardResponseOption(tellForward), runtime.WithForwardResponseRewriter(rewrite), runtime.WithWriteContentLength()},
		"failing forward":      {runtime.WithForwardResponseOption(func(context.Context, http.ResponseWriter, proto.Message) error { return errors.New("no") })},
		"except reserved":      {runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved)},
		"except slash":         {runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash)},
		"all characters":       {runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters)},
		"no override":          {runtime.WithDisableHTTPMethodOverride()},
		"no fallback":          {runtime.WithDisablePathLengthFallback()},
		"health and middlware": {runtime.WithHealthzEndpoint(healthy{}), runtime.WithMiddlewares(wrapped("a"), wrapped("b"))},
	}
}

func optionTable() []request {
	var found []request
	for _, line := range []string{"GET /healthz", "GET /healthz?service=x", "GET /v1/text/a%2Fb%3Ac%25", "GET /v1/files/a%2Fb%3Ac%25/d", "POST /v1/shelves/1%3Aarchive", "GET /v1/text/a%zz", "GET /v1/files/%E9/a%2F"} {
		found = append(found, request{line: line, header: "X-Custom: a"})
	}
	wire, err := proto.Marshal(&pb.Everything{AString: "a", Inner: &pb.Inner{Name: "b"}})
	if err != nil {
		panic(err)
	}
	found = append(found,
		request{"POST /v1/bodies", string(wire), "Content-Type: application/octet-stream"},
		request{"POST /v1/bodies", string(wire), "Content-Type: application/octet-stream\nAccept: application/json"},
		request{"POST /v1/bodies", `{"aString":"a"}`, "Accept: application/octet-stream"},
		request{"POST /v1/bodies/string", "a b", ""}, request{"POST /v1/bodies/strings", "a b", ""}, request{"POST /v1/bodies/int64", "7", ""}, request{"POST /v1/bodies/maybe_string", "a b", ""},
		request{"POST /v1/oneof/body/string", "a b", ""}, request{"PUT /v2/old/name", "a b", ""}, request{"PUT /v3/new/name", "a b", ""}, request{"PUT /v4/closed/a", "a b", ""},
	)
	return found
}

// lines is a marshaler in a format that knows nothing of protobuf.
type lines struct{}

func (lines) ContentType(any) string { return "text/lines" }

func (lines) Marshal(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return protojson.Marshal(m)
	}
	return fmt.Appendf(nil, "%T", v), nil
}

func (lines) Unmarshal([]byte, any) error { return errors.New("not used") }

func (lines) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case *string:
			*v = string(text)
		case **string:
			*v = new(string(text))
		case *[]string:
			*v = strings.Fields(string(text))
		default:
			return fmt.Errorf("nothing for it: %d bytes", len(text))
		}
		return nil
	})
}

func (lines) NewEncoder(io.Writer) runtime.Encoder { return nil }

func tellError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	method, _ := runtime.RPCMethod(ctx)
	path, _ := runtime.HTTPPathPattern(ctx)
	pattern, _ := runtime.HTTPPattern(r.Context())
	md, ok := runtime.ServerMetadataFromContext(ctx)
	_, custom := err.(*runtime.HTTPStatusError)
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "%s %s %s %s %v %d %d %v %s", r.Method, method, path, pattern, ok, len(md.HeaderMD), len(md.TrailerMD), custom, status.Convert(err).Code())
}

func tellRouting(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, status int) {
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "%s %d", r.Method, status)
}

func tellForward(ctx context.Context, w http.ResponseWriter, m proto.Message) error {
	method, _ := runtime.RPCMethod(ctx)
	md, ok := runtime.ServerMetadataFromContext(ctx)
	name := "none"
	if m != nil {
		name = string(m.ProtoReflect().Descriptor().FullName())
	}
	w.Header().Set("Forwarded", fmt.Sprintf("%s %s %v %d", method, name, ok, len(md.HeaderMD)))
	if m != nil && m.ProtoReflect().Descriptor().Fields().ByName("a_string") != nil {
		w.WriteHeader(http.StatusAccepted)
	}
	return nil
}

func rewrite(_ context.Context, m proto.Message) (any, error) {
	if _, ok := m.(interface{ XXX_ResponseBody() any }); ok {
		return m, nil
	}
	return map[string]any{"rewritten": m}, nil
}

func wrapped(name string) runtime.Middleware {
	return func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request, pathParams map[string]string) {
			w.Header().Add("Middleware", fmt.Sprint(name, " ", len(pathParams)))
			next(w, r, pathParams)
		}
	}
}

// healthy is a health service that knows the empty name alone.
type healthy struct{ grpc_health_v1.HealthClient }

func (healthy) Check(_ context.Context, in *grpc_health_v1.HealthCheckRequest, _ ...grpc.CallOption) (*grpc_health_v1.HealthCheckResponse, error) {
	if in.GetService() != "" {
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN}, nil
	}
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

// TestCanceledRequest holds whose end a call shares: the request's, or with
// request_context=false the registration's.
func TestCanceledRequest(t *testing.T) {
	up := start(t)
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			p := f.serve(t, up)
			for line, want := range map[string]int{"GET /v1/text/a": 499, "GET /v5/files/a": http.StatusOK} {
				canceled := func() *http.Request {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					return request{line: line}.http().WithContext(ctx)
				}
				p.compare(t, canceled)
				if got := ask(p.ours, canceled()); got.Status != want && f.name != "server" { // which looks at no context
					t.Errorf("%s: status %d, want %d", line, got.Status, want)
				}
			}
		})
	}
}
