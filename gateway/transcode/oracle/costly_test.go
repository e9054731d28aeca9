package oracle_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	grpcgateway "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/venta-hq/venta/gateway"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// mostAllocated is what a request below may allocate in all, its call included: far
// from the 3.2 GB that the square of its depth came to.
const mostAllocated = 256 << 20

// TestCostlyRequests sends whole requests whose decoding would grow with the square
// of their depth: a mask of 0.9 MB that took 3.2 GB, an Any of 0.5 MB that took 21 s.
func TestCostlyRequests(t *testing.T) {
	nested := func(open, middle, end string, levels int) string {
		return strings.Repeat(open, levels) + middle + strings.Repeat(end, levels)
	}
	wide := func(levels, fields int) string { // each field's path is as long as the message is deep
		labels := make([]string, fields)
		for i := range labels {
			labels[i] = fmt.Sprintf(`"k%d":"a"`, i)
		}
		return `{"inner":` + nested(`{"inner":`, `{"labels":{`+strings.Join(labels, ",")+`}}`, `}`, levels) + `}`
	}
	const shallow = "a mask of a wide body" // which is what it seems
	const isAny = `{"@type":"type.googleapis.com/google.protobuf.Any","value":`
	const empty = `{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}`
	requests := map[string]struct{ verb, path, body string }{
		"a mask of a deep body":   {"PATCH", "/v1/patch", `{"inner":` + nested(`{"inner":`, `{"name":"a"}`, `}`, 90_000) + `}`},
		shallow:                   {"PATCH", "/v1/patch", wide(90, 70_000)},
		"a struct":                {"POST", "/v1/bodies/struct", nested(`{"a":`, `1`, `}`, 150_000)},
		"a list":                  {"POST", "/v1/bodies/value", nested(`[`, `1`, `]`, 400_000)},
		"an Any":                  {"POST", "/v1/bodies/any", nested(isAny, empty, `}`, 8_000)},
		"an Any in a message":     {"POST", "/v1/bodies", `{"anAny":` + nested(isAny, empty, `}`, 8_000) + `}`},
		"a field's path, queried": {"GET", "/v1/text/a?" + strings.Repeat("inner.", 5_000) + "name=a", ""},
	}
	for place, handler := range places(t) {
		for name, request := range requests {
			t.Run(place+"/"+name, func(t *testing.T) {
				r := httptest.NewRequest(request.verb, request.path, strings.NewReader(request.body))
				r.Header.Set("Content-Type", "application/json")
				w, took := measured(handler, r)
				served := w.Code == http.StatusOK && name == shallow
				if refused := w.Code == http.StatusBadRequest && strings.Contains(w.Body.String(), "nested"); !refused && !served {
					t.Errorf("%d %.200s", w.Code, w.Body)
				}
				if took > mostAllocated {
					t.Errorf("%d bytes of a request took %d", len(request.body), took)
				}
			})
		}
	}
}

// places are handlers of the same upstream: both products, with and without a message
// between the wire and the JSON.
func places(t *testing.T) map[string]http.Handler {
	t.Helper()
	up := start(t)
	indented := grpcgateway.WithMarshalerOption(grpcgateway.MIMEWildcard, &grpcgateway.JSONPb{MarshalOptions: protojson.MarshalOptions{Indent: " "}})
	dropIn := func(options ...grpcgateway.ServeMuxOption) http.Handler {
		mux := grpcgateway.NewServeMux(options...)
		if err := forms()[0].ours(t.Context(), mux, up); err != nil {
			t.Fatal(err)
		}
		return mux
	}
	quiet := slog.New(slog.DiscardHandler)
	return map[string]http.Handler{
		"gateway":        newGateway(t, up, gateway.Options{Logger: quiet}),
		"gateway, typed": newGateway(t, up, gateway.Options{Logger: quiet, MuxOptions: []grpcgateway.ServeMuxOption{indented}}),
		"drop-in":        dropIn(),
		"drop-in, typed": dropIn(indented),
	}
}

// measured serves a request and returns how much was allocated meanwhile.
func measured(handler http.Handler, r *http.Request) (w *httptest.ResponseRecorder, took uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	return w, after.TotalAlloc - before.TotalAlloc
}

// deepStored is a text by which a client asks for what somebody has stored with the upstream:
// 0.5 MB of Any within each other.
const deepStored = "what is stored"

var deepAny = sync.OnceValue(func() *anypb.Any {
	const url = "type.googleapis.com/google.protobuf.Any"
	var headers [][]byte
	for size, levels := 0, 0; levels < 10_000; levels++ {
		header := append([]byte{1<<3 | 2, byte(len(url))}, url...)
		header = protowire.AppendVarint(append(header, 2<<3|2), uint64(size))
		headers = append(headers, header)
		size += len(header)
	}
	slices.Reverse(headers)
	return &anypb.Any{TypeUrl: url, Value: slices.Concat(headers...)}
})

// stored returns a request's message with what it asks for.
func stored(m *pb.Everything) *pb.Everything {
	if m.GetAString() == deepStored {
		m.AnAny = deepAny()
	}
	return m
}

// TestCostlyResponses reads what the upstream has from elsewhere: an Any of 0.5 MB, whose
// JSON takes gigabytes. It is the response that is wrong.
func TestCostlyResponses(t *testing.T) {
	for place, handler := range places(t) {
		for name, test := range map[string]struct {
			asks, want string
			status     int
		}{
			"success": {`{"aString":"` + deepStored + `","anInt32":1}`, "RESPONSE_TOO_LARGE", http.StatusBadGateway},
			"failure": {`{"aString":"` + deepStored + `","aStatus":{"code":5,"message":"no such thing"}}`, "no such thing", http.StatusNotFound},
		} {
			for _, path := range []string{"bodies", "repeat", "chat"} {
				t.Run(place+"/"+path+"/"+name, func(t *testing.T) {
					r := httptest.NewRequest(http.MethodPost, "/v1/"+path, strings.NewReader(test.asks))
					r.Header.Set("Content-Type", "application/json")
					w, took := measured(handler, r)
					streamed := path != "bodies" && strings.HasPrefix(place, "drop-in") // whose status is stock's
					if w.Code != test.status && !streamed || !strings.Contains(w.Body.String(), test.want) {
						t.Errorf("%d %.200s", w.Code, w.Body)
					}
					if took > mostAllocated/4 {
						t.Errorf("%d bytes of a response took %d", len(deepAny().GetValue()), took)
					}
				})
			}
		}
	}
}
