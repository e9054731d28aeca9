package oracle_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// failing are streams that fail at once, or behind one message.
func failing(err error, after int) scripted {
	return scripted{
		repeat: func(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
			for range after {
				if err := stream.Send(m); err != nil {
					return err
				}
			}
			return err
		},
		download: func(_ *pb.Everything, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
			for range after {
				if err := stream.Send(&httpbody.HttpBody{ContentType: "text/csv", Data: []byte("a,b;")}); err != nil {
					return err
				}
			}
			return err
		},
		chat:    echoing,
		collect: backend{}.Collect,
	}
}

// TestStreamsFailAsUnaryCalls holds that an error before the first message has the
// status, the form and the discretion of a unary call's.
func TestStreamsFailAsUnaryCalls(t *testing.T) {
	internals := status.Error(codes.Internal, "secret: db-7 is down")
	large := scripted{repeat: func(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
		return stream.Send(&pb.Everything{AString: strings.Repeat("x", 2000)})
	}}
	marshals := runtime.WithMarshalerOption(runtime.MIMEWildcard, unmarshalable{&runtime.JSONPb{}})
	options := runtime.WithForwardResponseOption(func(_ context.Context, _ http.ResponseWriter, m proto.Message) error {
		if m == nil {
			return nil // before the first message
		}
		return errors.New("secret: no option")
	})
	tests := []struct {
		name   string
		mux    []runtime.ServeMuxOption
		script scripted
		limits policy.Limits
		post   string // a body for /v1/collect, else GET /v1/repeat/1
		status int
		reason string
	}{
		{"a failure of the service", nil, failing(internals, 0), policy.Limits{}, "", 500, "UPSTREAM_FAILED"},
		{"the service is away", nil, failing(status.Error(codes.Unavailable, "secret"), 0), policy.Limits{}, "", 503, "UPSTREAM_UNAVAILABLE"},
		{"a message that is too large", nil, large, policy.Limits{MaxResponseBytes: 1000}, "", 502, "RESPONSE_TOO_LARGE"},
		{"a request that is too large", nil, failing(nil, 0), policy.Limits{MaxRequestBytes: 10}, `{"aString":"abcdefghij"}`, 413, "REQUEST_TOO_LARGE"},
		{"a marshaler that fails", []runtime.ServeMuxOption{marshals}, failing(nil, 1), policy.Limits{}, "", 500, "INTERNAL"},
		{"an option that fails", []runtime.ServeMuxOption{options}, failing(nil, 1), policy.Limits{}, "", 500, "INTERNAL"},
		{"with options of the program's own", []runtime.ServeMuxOption{runtime.WithMetadata(noMetadata)}, failing(internals, 0), policy.Limits{}, "", 500, "UPSTREAM_FAILED"},
	}
	for _, test := range tests {
		for _, accept := range []string{"application/json", "application/problem+json"} {
			t.Run(test.name+" as "+accept, func(t *testing.T) {
				limits := test.limits
				if limits == (policy.Limits{}) {
					limits.MaxRequestBytes = 1 << 20
				}
				h, err := withScript(t, quiet(test.mux...), policy.Method{Limits: &limits}, test.script)
				if err != nil {
					t.Fatal(err)
				}
				method, path := http.MethodGet, "/v1/repeat/1"
				if test.post != "" {
					method, path = http.MethodPost, "/v1/collect"
				}
				response, text := fetch(t, call(t, h, false), method, path, test.post, accept)
				var body struct {
					Status  int
					Details []struct{ Reason string }
				}
				if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Details) == 0 {
					t.Fatalf("%d: %q", response.StatusCode, text)
				}
				if response.StatusCode != test.status || body.Details[0].Reason != test.reason || response.Header.Get("Content-Type") != accept {
					t.Errorf("%d %s: %s", response.StatusCode, response.Header.Get("Content-Type"), text)
				}
				if strings.Contains(text, "secret") || strings.HasPrefix(accept, "application/problem") && body.Status != test.status {
					t.Errorf("%s", text)
				}
			})
		}
	}
}

// TestLaterErrorsAreDiscreet holds that an error behind messages is one more
// message, and tells nothing of internals.
func TestLaterErrorsAreDiscreet(t *testing.T) {
	h, err := withScript(t, quiet(), policy.Method{}, failing(status.Error(codes.Internal, "secret"), 1))
	if err != nil {
		t.Fatal(err)
	}
	response, text := fetch(t, call(t, h, false), http.MethodGet, "/v1/repeat/1", "", "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if response.StatusCode != http.StatusOK || len(lines) != 2 || !strings.HasPrefix(lines[1], `{"error":{"code":13`) || strings.Contains(text, "secret") {
		t.Errorf("%d: %s", response.StatusCode, text)
	}
}

// TestRawBodyIsCutOff holds that a body in a format of its own which fails midway
// does not end as if it were whole, and has no error in it.
func TestRawBodyIsCutOff(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		h, err := withScript(t, quiet(), policy.Method{}, failing(status.Error(codes.Internal, "secret"), 1))
		if err != nil {
			t.Fatal(err)
		}
		c := call(t, h, h2)
		response, err := c.Client().Get(c.URL + "/v1/download/1")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil || response.StatusCode != http.StatusOK || string(text) != "a,b;" {
			t.Errorf("%s %d: %q, %v", response.Proto, response.StatusCode, text, err)
		}
		h, err = withScript(t, quiet(), policy.Method{}, failing(nil, 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, whole := fetch(t, call(t, h, h2), http.MethodGet, "/v1/download/1", "", ""); whole != "a,b;" {
			t.Errorf("a whole body: %q", whole)
		}
	}
}

type unmarshalable struct{ *runtime.JSONPb }

func (m unmarshalable) Marshal(v any) ([]byte, error) {
	if _, message := v.(map[string]any); message {
		return nil, errors.New("secret: no JSON")
	}
	return m.JSONPb.Marshal(v)
}

func quiet(mux ...runtime.ServeMuxOption) gateway.Options {
	return gateway.Options{Logger: slog.New(slog.DiscardHandler), MuxOptions: mux}
}

// fetch requests what a test is about, and reads the whole response.
func fetch(t *testing.T, c *caller, method, path, body, accept string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func noMetadata(context.Context, *http.Request) metadata.MD { return nil }
