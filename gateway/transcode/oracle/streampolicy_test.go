package oracle_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// underPolicy serves Chat and Repeat under a policy.
func underPolicy(t *testing.T, o gateway.Options, p policy.Method) (http.Handler, error) {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	return withScript(t, o, p, scripted{chat: echoing, repeat: backend{}.Repeat})
}

// withScript serves what a test scripts under a policy.
func withScript(t *testing.T, o gateway.Options, p policy.Method, script scripted) (http.Handler, error) {
	t.Helper()
	gw, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	err = gw.Register(gateway.Service{
		Name: "venta.oracle.v1.Streams",
		Methods: []gateway.Method{
			{
				Name:     "Chat",
				Call:     gateway.BidiStream(pb.StreamsClient.Chat),
				Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/chat", Body: "*"}},
				Policy:   p,
			},
			{
				Name:     "Repeat",
				Call:     gateway.ServerStream(pb.StreamsClient.Repeat),
				Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/repeat/{an_int32}"}},
				Policy:   p,
			},
			{
				Name:     "Collect",
				Call:     gateway.ClientStream(pb.StreamsClient.Collect),
				Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/collect", Body: "*"}},
				Policy:   p,
			},
			{
				Name:     "Download",
				Call:     gateway.ServerStream(pb.StreamsClient.Download),
				Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/download/{an_int32}"}},
				Policy:   p,
			},
		},
	}, script.dial(t))
	return gw.Handler(), err
}

// TestStreamPolicies holds that what stands in front of the edge stands in front
// of streams.
func TestStreamPolicies(t *testing.T) {
	h, err := underPolicy(t, gateway.Options{}, policy.Method{
		RateLimits: []policy.RateLimit{{
			Name: "one", Requests: 1, Interval: time.Hour, Burst: 1,
			Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
		}},
		Version: &policy.Version{Deprecated: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)},
		Limits:  &policy.Limits{MaxRequestBytes: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := call(t, h, true)
	for _, send := range []func() (*http.Response, error){
		func() (*http.Response, error) {
			return c.Client().Post(c.URL+"/v1/chat", "", strings.NewReader(strings.Repeat(`{"aString":"a"}`, 20)))
		},
		func() (*http.Response, error) { return c.Client().Get(c.URL + "/v1/repeat/20") },
	} {
		for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
			response, err := send()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != want || response.Header.Get("Deprecation") == "" {
				t.Errorf("status %d, Deprecation %q: %s", response.StatusCode, response.Header.Get("Deprecation"), text)
			}
			if lines := strings.Count(string(text), "\n"); want == http.StatusOK && lines != 20 {
				t.Errorf("%d messages: %s", lines, text)
			}
		}
	}
}

// TestStreamPoliciesRefused holds that a policy which a stream cannot have stops
// registration.
func TestStreamPoliciesRefused(t *testing.T) {
	for name, p := range map[string]policy.Method{
		"timeout":              {Timeout: &policy.Timeout{Duration: time.Second}},
		"concurrency.adaptive": {Concurrency: &policy.Concurrency{MaxInFlight: 1, Adaptive: true}},
		"cache":                {Cache: &policy.Cache{TTL: time.Second}},
		"response.status":      {Response: &policy.Response{Status: 201}},
	} {
		if _, err := underPolicy(t, gateway.Options{}, p); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestPanicWhileReading holds that a marshaler which panics behind a handler's
// back ends its stream and not the process.
func TestPanicWhileReading(t *testing.T) {
	h, err := underPolicy(t, gateway.Options{MuxOptions: []runtime.ServeMuxOption{
		runtime.WithMarshalerOption(runtime.MIMEWildcard, panicking{&runtime.JSONPb{}}),
	}}, policy.Method{})
	if err != nil {
		t.Fatal(err)
	}
	c := call(t, h, false)
	posted, err := c.Client().Post(c.URL+"/v1/chat", "", strings.NewReader(`{"aString":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer posted.Body.Close()
	text, err := io.ReadAll(posted.Body)
	if err != nil || posted.StatusCode != http.StatusInternalServerError || strings.Contains(string(text), "secret") {
		t.Errorf("status %d: %s (%v)", posted.StatusCode, text, err)
	}
}

type panicking struct{ *runtime.JSONPb }

func (panicking) NewDecoder(io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(any) error { panic(errors.New("secret")) })
}

// TestRawBodies holds that a gateway takes and gives a google.api.HttpBody as it
// is: whole, in a field and in chunks.
func TestRawBodies(t *testing.T) {
	h := newGateway(t, start(t), gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	c := call(t, h, false)
	post := func(path string) (string, string) {
		response, err := c.Client().Post(c.URL+path, "text/csv", strings.NewReader("a,b\n1,2\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s (%v)", response.StatusCode, text, err)
		}
		return response.Header.Get("Content-Type"), string(text)
	}
	if contentType, text := post("/v1/raw"); contentType != "text/csv" || text != "a,b\n1,2\n" {
		t.Errorf("whole: %q %q", contentType, text)
	}
	if _, text := post("/v1/raw/field"); text != "a,b\n1,2\n" {
		t.Errorf("in a field: %q", text)
	}
	if _, text := post("/v1/upload"); !strings.Contains(text, `"text/csv"`) || !strings.Contains(text, `"YSxiCjEsMgo="`) {
		t.Errorf("in chunks: %s", text)
	}
	response := c.get(t, t.Context(), "/v1/download/2?a_string=x")
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "0,x;1,x;" || response.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("download: %q %q (%v)", response.Header.Get("Content-Type"), text, err)
	}
}
