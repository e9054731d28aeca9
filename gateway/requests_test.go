package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
)

// sized responds with as many bytes as its request holds.
type sized struct {
	testgrpc.UnimplementedTestServiceServer
}

func (sized) UnaryCall(_ context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Username: string(r.GetPayload().GetBody())}, nil
}

func startSized(t *testing.T, o gateway.Options, limits *policy.Limits) *server {
	t.Helper()
	return &server{log: &syncBuffer{}, Server: gatewaytest.Start(t, gatewaytest.Options{
		Gateway: o,
		Serve:   func(r grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(r, sized{}) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(gateway.Service{Name: "grpc.testing.TestService", Methods: []gateway.Method{{
				Name: "UnaryCall",
				Call: gateway.Unary(testgrpc.TestServiceClient.UnaryCall),
				Bindings: []gateway.Binding{
					{Verb: "POST", Path: "/v1/whole", Body: "*"},
					{Verb: "POST", Path: "/v1/field", Body: "payload"},
					{Verb: "GET", Path: "/v1/query"},
				},
				Policy: policy.Method{Limits: limits},
			}}}, conn)
		},
	})}
}

func (s *server) send(t *testing.T, path string, body []byte, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func check(t *testing.T, what string, got answer, status int, reason string) {
	t.Helper()
	if got.status != status || got.reason() != reason {
		t.Errorf("%s: %d %s", what, got.status, got.body)
	}
}

// incomparable is a marshaler whose values cannot be compared.
type incomparable struct {
	runtime.Marshaler
	_ []string
}

// TestContentTypes holds which bodies a route reads as JSON, and that a refusal
// names the type to send.
func TestContentTypes(t *testing.T) {
	own := runtime.WithMarshalerOption("application/x-own", &runtime.JSONPb{})
	all := runtime.WithMarshalerOption(runtime.MIMEWildcard, incomparable{Marshaler: &runtime.JSONPb{}})
	for _, test := range []struct {
		sent string
		ok   bool
		mux  []runtime.ServeMuxOption
	}{
		{"", true, nil}, {"application/json", true, nil}, {"application/json; charset=UTF-8", true, nil},
		{"application/merge-patch+json", true, nil}, {"text/json", true, nil},
		{"application/json; charset=iso-8859-1", false, nil}, {"text/plain", false, nil}, {"application/xml", false, nil},
		{"application/x-www-form-urlencoded", false, nil}, {"multipart/form-data; boundary=x", false, nil}, {";;", false, nil},
		{"application/x-ndjson", false, nil},
		{"application/x-own", false, nil}, {"application/x-own", true, []runtime.ServeMuxOption{own}},
		{"application/x-own", true, []runtime.ServeMuxOption{all}},
	} {
		s := startSized(t, gateway.Options{MuxOptions: test.mux}, nil)
		for path, body := range map[string]string{"/v1/whole": `{"payload":{"body":"YWJj"}}`, "/v1/field": `{"body":"YWJj"}`} {
			got := s.send(t, path, []byte(body), "Content-Type", test.sent)
			if test.ok {
				check(t, path+" "+test.sent, got, 200, "")
				continue
			}
			check(t, path+" "+test.sent, got, 415, "UNSUPPORTED_MEDIA_TYPE")
			if !strings.Contains(got.body, "Content-Type: application/json") {
				t.Errorf("%s: the type to send is not named: %s", test.sent, got.body)
			}
		}
		if got := s.send(t, "/v1/whole", nil, "Content-Type", test.sent); got.status != 200 {
			t.Errorf("%s without a body: %d %s", test.sent, got.status, got.body)
		}
	}
}

// TestOneJSONValue holds that a body is one JSON value.
func TestOneJSONValue(t *testing.T) {
	s := startSized(t, gateway.Options{MaxRequestBytes: 100}, nil)
	for behind, status := range map[string]int{
		"": 200, " \n\t ": 200, "{}": 400, "1": 400, "]": 400, "}": 400, "x": 400, "\x00": 400, " \n{}": 400,
		strings.Repeat(" ", 200) + "{}": 413,
	} {
		for path, body := range map[string]string{"/v1/whole": `{"fillUsername":true}`, "/v1/field": `{"body":""}`} {
			if got := s.send(t, path, []byte(body+behind)); got.status != status {
				t.Errorf("%s and %.20q: %d %s", path, behind, got.status, got.body)
			}
		}
	}
}

// TestSystemParameters holds that what clients of Google's APIs send of
// themselves is passed over, and nothing else that names no field.
func TestSystemParameters(t *testing.T) {
	for query, status := range map[string]int{
		"alt=json": 200, "%24alt=json": 200, "prettyPrint=false": 200, "key=k": 200,
		"fields=username&quotaUser=ada": 200, "%24.xgafv=2": 200, "responseSize=1&alt=json": 200,
		"nosuch=1": 400, "%24filter=1": 400, "access_token=t": 400, "alt=json&nosuch=1": 400, "Alt=json": 400,
	} {
		if got := startSized(t, gateway.Options{}, nil).do(t, "GET", "/v1/query?"+query); got.status != status {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	if got := startSized(t, gateway.Options{IgnoreUnknownQuery: true}, nil).do(t, "GET", "/v1/query?nosuch=1"); got.status != 200 {
		t.Errorf("passed over: %d %s", got.status, got.body)
	}
}

func encoded(t *testing.T, coding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "br wide":
		w = brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 5, LGWin: 24})
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	_, err := io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEncodedRequests holds that a body is decoded, that bounds hold for what it
// holds and for what is sent, and that what is not read is refused with what is.
func TestEncodedRequests(t *testing.T) {
	const small = `{"payload":{"body":"YWJj"}}`
	large := `{"payload":{"body":"` + strings.Repeat("A", 4000) + `"}}`
	for name, s := range map[string]*server{
		"of the gateway": startSized(t, gateway.Options{MaxRequestBytes: 1000}, nil),
		"of the RPC":     startSized(t, gateway.Options{}, &policy.Limits{MaxRequestBytes: 1000}),
	} {
		for _, coding := range []string{"gzip", "x-gzip", "br", "zstd", "GZIP", " br "} {
			form := strings.ToLower(strings.TrimSpace(coding))
			got := s.send(t, "/v1/whole", encoded(t, form, small), "Content-Encoding", coding)
			if check(t, coding, got, 200, ""); !strings.Contains(got.body, `"abc"`) {
				t.Errorf("%s: %s", coding, got.body)
			}
			check(t, name+": a bomb in "+coding, s.send(t, "/v1/whole", encoded(t, form, large), "Content-Encoding", coding), 413, "REQUEST_TOO_LARGE")
			whole := encoded(t, form, small)
			check(t, "a part in "+coding, s.send(t, "/v1/whole", whole[:len(whole)-3], "Content-Encoding", coding), 400, "INVALID_REQUEST")
			check(t, "no "+coding, s.send(t, "/v1/whole", []byte(small), "Content-Encoding", coding), 400, "INVALID_REQUEST")
		}
		// Members that hold nothing: much is sent, and nothing comes out.
		empty := bytes.Repeat(encoded(t, "gzip", ""), 100)
		check(t, name+": what is sent is large", s.send(t, "/v1/whole", empty, "Content-Encoding", "gzip"), 413, "REQUEST_TOO_LARGE")
		check(t, "a wide window", s.send(t, "/v1/whole", encoded(t, "br wide", small), "Content-Encoding", "br"), 400, "INVALID_REQUEST")
		for _, coding := range []string{"deflate", "compress", "gzip, br", "gzip,gzip", "*", "x"} {
			got := s.send(t, "/v1/whole", []byte(small), "Content-Encoding", coding)
			if check(t, coding, got, 415, "UNSUPPORTED_MEDIA_TYPE"); got.header.Get("Accept-Encoding") != "gzip, br, zstd" {
				t.Errorf("%s: Accept-Encoding %q", coding, got.header.Get("Accept-Encoding"))
			}
		}
		check(t, "identity", s.send(t, "/v1/whole", []byte(small), "Content-Encoding", "identity"), 200, "")
	}
}
