package transcode_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/transcode/router"
	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// edge serves one route and remembers the message that was called with.
type edge struct {
	method  transcode.Method
	binding transcode.Binding
	policy  *policy.Response
	message proto.Message
	err     error
	bound   int64

	unmasked string

	called proto.Message
}

func (e *edge) options() transcode.RouteOptions {
	return transcode.RouteOptions{Mux: runtime.NewServeMux(), Response: e.policy, MaxRequestBytes: e.bound, Unmasked: e.unmasked}
}

// serve serves a request by both ways, through a message and past it, and
// returns the response that they must share.
func (e *edge) serve(t *testing.T, request func() *http.Request) *http.Response {
	t.Helper()
	typed, err := transcode.NewRoute(e.method, e.binding, e.options())
	if err != nil {
		t.Fatal(err)
	}
	passing, err := typed.PassingThrough()
	if err != nil {
		t.Fatal(err)
	}
	if passing == typed {
		t.Fatal("the response does not pass through")
	}
	want, got := e.ask(t, typed, request()), e.ask(t, passing, request())
	if diff := cmp.Diff(want.Header, got.Header); want.StatusCode != got.StatusCode || diff != "" {
		t.Errorf("passed through: status %d, through a message %d; header (-message +passed):\n%s", got.StatusCode, want.StatusCode, diff)
	}
	wantBody, gotBody := read(t, want), read(t, got)
	if diff := cmp.Diff(value(t, wantBody), value(t, gotBody)); diff != "" {
		t.Errorf("body (-message +passed):\n%s", diff)
	}
	got.Body = io.NopCloser(strings.NewReader(gotBody))
	return got
}

func (e *edge) ask(t *testing.T, rt *transcode.Route, r *http.Request) *http.Response {
	t.Helper()
	routes := &router.Router[*transcode.Route]{}
	if err := routes.Add(rt.Verb(), rt.Template(), rt); err != nil {
		t.Fatal(err)
	}
	match, _, ok := routes.Lookup(r.Method, r.URL)
	if !ok {
		t.Fatalf("no route for %s %s", r.Method, r.URL)
	}
	w := httptest.NewRecorder()
	rt.Handler(e.upstream().Invoke).ServeHTTP(w, transcode.WithExchange(r, &transcode.Exchange{Route: rt, Params: match.Params}))
	response := w.Result()
	response.Header.Del("Content-Length") // protojson adds random spaces
	return response
}

// upstream is a service of the one method.
func (e *edge) upstream() grpc.ClientConnInterface {
	service, method, _ := strings.Cut(strings.TrimPrefix(e.method.FullName, "/"), "/")
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		e.called = e.method.Call.NewRequest()
		if err := decode(e.called); err != nil {
			return nil, err
		}
		if e.message == nil {
			return e.method.Call.NewResponse(), e.err
		}
		return e.message, e.err
	}
	return transcode.ServerConn(&grpc.ServiceDesc{
		ServiceName: service,
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: handler}},
	}, nil)
}

var (
	getVendor      = transcode.Method{FullName: "/v2/GetVendor", Call: transcode.Unary(vendorv2.VendorServiceClient.GetVendor)}
	listVendors    = transcode.Method{FullName: "/v2/ListVendors", Call: transcode.Unary(vendorv2.VendorServiceClient.ListVendors)}
	createVendor   = transcode.Method{FullName: "/v2/CreateVendor", Call: transcode.Unary(vendorv2.VendorServiceClient.CreateVendor)}
	updateVendor   = transcode.Method{FullName: "/v2/UpdateVendor", Call: transcode.Unary(vendorv2.VendorServiceClient.UpdateVendor)}
	getVendorV1    = transcode.Method{FullName: "/v1/GetVendor", Call: transcode.Unary(vendorv1.VendorServiceClient.GetVendor)}
	updateLocation = transcode.Method{FullName: "/v1/UpdateVendorLocation", Call: transcode.Unary(locationv1.LocationServiceClient.UpdateVendorLocation)}
	findLocations  = transcode.Method{FullName: "/v1/VendorLocations", Call: transcode.Unary(locationv1.LocationServiceClient.VendorLocations)}
)

func TestRequestBinding(t *testing.T) {
	tests := []struct {
		name    string
		method  transcode.Method
		binding transcode.Binding
		target  string
		body    string
		want    proto.Message
	}{
		{
			"path variable", getVendor, transcode.Binding{Verb: "GET", Path: "/v2/vendors/{id}"},
			"/v2/vendors/a%2Fb%20c", "", &vendorv2.GetVendorRequest{Id: "a/b c"},
		},
		{
			"query", listVendors, transcode.Binding{Verb: "GET", Path: "/v2/vendors"},
			"/v2/vendors?page_size=7&pageToken=x", "", &vendorv2.ListVendorsRequest{PageSize: 7, PageToken: "x"},
		},
		{
			"nested query", findLocations, transcode.Binding{Verb: "GET", Path: "/v1/locations"},
			"/v1/locations?sw.lat=-1.5&sw.lng=2&ne.lat=3&ne.lng=4", "", &locationv1.VendorLocationsRequest{
				Sw: &locationv1.Location{Lat: -1.5, Lng: 2}, Ne: &locationv1.Location{Lat: 3, Lng: 4},
			},
		},
		{
			"whole body", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"},
			"/v2/vendors", `{"name":"Ada","profile_image":"x"}`, &vendorv2.CreateVendorRequest{Name: "Ada", ProfileImage: "x"},
		},
		{
			"no body at all", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"},
			"/v2/vendors", "", &vendorv2.CreateVendorRequest{},
		},
		{
			"body field and path", updateLocation, transcode.Binding{Verb: "POST", Path: "/v1/locations/{vendor_id}", Body: "location"},
			"/v1/locations/7", `{"lat":1,"lng":2}`, &locationv1.UpdateVendorLocationRequest{
				VendorId: "7", Location: &locationv1.Location{Lat: 1, Lng: 2},
			},
		},
		{
			"PATCH takes its mask from the body", updateVendor, transcode.Binding{Verb: "PATCH", Path: "/v2/vendors/{id}", Body: "vendor"},
			"/v2/vendors/7", `{"name":"Ada","isOpen":false}`, &vendorv2.UpdateVendorRequest{
				Id:         "7",
				Vendor:     &vendorv2.VendorChanges{Name: "Ada"},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"is_open", "name"}},
			},
		},
		{
			"body field that is a value", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "name"},
			"/v2/vendors?email=a", `"Ada"`, &vendorv2.CreateVendorRequest{Name: "Ada", Email: "a"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := &edge{method: test.method, binding: test.binding}
			response := e.serve(t, func() *http.Request {
				return httptest.NewRequest(test.binding.Verb, test.target, strings.NewReader(test.body))
			})
			if response.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", response.StatusCode, read(t, response))
			}
			sortPaths := protocmp.SortRepeatedFields(&fieldmaskpb.FieldMask{}, "paths")
			if diff := cmp.Diff(test.want, e.called, protocmp.Transform(), sortPaths); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestRefused(t *testing.T) {
	tests := []struct {
		name    string
		method  transcode.Method
		binding transcode.Binding
		target  string
		body    string
	}{
		{"body is no JSON", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"}, "/v2/vendors", `{"name":`},
		{"wrong type in the body", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"}, "/v2/vendors", `{"name":1}`},
		{"wrong type in the query", listVendors, transcode.Binding{Verb: "GET", Path: "/v2/vendors"}, "/v2/vendors?page_size=x", ""},
		{"malformed query", listVendors, transcode.Binding{Verb: "GET", Path: "/v2/vendors"}, "/v2/vendors?page_size=%zz", ""},
		{"query against the path", getVendor, transcode.Binding{Verb: "GET", Path: "/v2/vendors/{id}"}, "/v2/vendors/mine?id=yours", ""},
		{"query against the body", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"}, "/v2/vendors?name=a", ""},
		{"unknown in the query", listVendors, transcode.Binding{Verb: "GET", Path: "/v2/vendors"}, "/v2/vendors?pagesize=1", ""},
		{"unknown below a message", findLocations, transcode.Binding{Verb: "GET", Path: "/v1/locations"}, "/v1/locations?sw.latitude=1", ""},
		{"below a value", findLocations, transcode.Binding{Verb: "GET", Path: "/v1/locations"}, "/v1/locations?sw.lat.x=1", ""},
		{"value that breaks out of its field", createVendor, transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "name"}, "/v2/vendors", `"a","email":"b"} {`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := &edge{method: test.method, binding: test.binding}
			response := e.serve(t, func() *http.Request {
				return httptest.NewRequest(test.binding.Verb, test.target, strings.NewReader(test.body))
			})
			if response.StatusCode != http.StatusBadRequest || e.called != nil {
				t.Errorf("status %d, called %v: %s", response.StatusCode, e.called, read(t, response))
			}
		})
	}
}

func TestOversizedBodyIs413(t *testing.T) {
	e := &edge{method: createVendor, binding: transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"}, bound: 50}
	response := e.serve(t, func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/v2/vendors", strings.NewReader(`{"name":"`+strings.Repeat("a", 100)+`"}`))
		r.Body = http.MaxBytesReader(nil, r.Body, 50)
		return r
	})
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d: %s", response.StatusCode, read(t, response))
	}
}

func TestResponses(t *testing.T) {
	vendor := &vendorv2.Vendor{Id: "a/7", Name: "Ada"}
	tests := []struct {
		name     string
		edge     edge
		target   string
		status   int
		location string
		want     string
	}{
		{
			"whole message", edge{method: listVendors, binding: transcode.Binding{Verb: "GET", Path: "/v2/vendors"}, message: &vendorv2.ListVendorsResponse{NextPageToken: "x"}},
			"/v2/vendors", 200, "", `{"vendors":[],"nextPageToken":"x"}`,
		},
		{
			"one message field",
			edge{
				method:  getVendor,
				binding: transcode.Binding{Verb: "GET", Path: "/v2/vendors/{id}", ResponseBody: "vendor"},
				policy:  &policy.Response{OmitNull: true},
				message: &vendorv2.GetVendorResponse{Vendor: vendor},
			},
			"/v2/vendors/7", 200, "",
			`{"id":"a/7","name":"Ada","description":"","phone":"","email":"","website":"","isOpen":false,"profileImage":"","etag":""}`,
		},
		{
			"null where unset",
			edge{
				method:  getVendorV1,
				binding: transcode.Binding{Verb: "GET", Path: "/v1/vendors/{id}", ResponseBody: "vendor"},
				message: &vendorv1.GetVendorResponse{Vendor: &vendorv1.Vendor{Id: "7", Long: wrapperspb.Double(2.5)}},
			},
			"/v1/vendors/7", 200, "",
			`{"id":"7","lat":null,"long":2.5,"name":"","description":"","phone":"","email":"","website":"","open":false,"primaryImage":"","createdAt":null,"updatedAt":null}`,
		},
		{
			"one list field", edge{method: listVendors, binding: transcode.Binding{Verb: "GET", Path: "/v2/vendors", ResponseBody: "vendors"}, message: &vendorv2.ListVendorsResponse{}},
			"/v2/vendors", 200, "", `[]`,
		},
		{
			"one scalar field", edge{method: listVendors, binding: transcode.Binding{Verb: "GET", Path: "/v2/vendors", ResponseBody: "next_page_token"}, message: &vendorv2.ListVendorsResponse{NextPageToken: "x"}},
			"/v2/vendors", 200, "", `"x"`,
		},
		{
			"created",
			edge{
				method:  createVendor,
				binding: transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"},
				policy:  &policy.Response{Status: 201, Location: "/v2/vendors/{vendor.id}", OmitNull: true},
				message: &vendorv2.CreateVendorResponse{Vendor: &vendorv2.Vendor{Id: "a/7"}},
			},
			"/v2/vendors", 201, "/v2/vendors/a%2F7",
			`{"vendor":{"id":"a/7","name":"","description":"","phone":"","email":"","website":"","isOpen":false,"profileImage":"","etag":""}}`,
		},
		{
			"no content", edge{method: createVendor, binding: transcode.Binding{Verb: "POST", Path: "/v2/vendors", Body: "*"}, policy: &policy.Response{Status: 204}},
			"/v2/vendors", 204, "", "",
		},
		{
			"upstream error", edge{method: listVendors, binding: transcode.Binding{Verb: "GET", Path: "/v2/vendors"}, err: status.Error(codes.NotFound, "gone")},
			"/v2/vendors", 404, "", `{"code":5,"message":"gone","details":[]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response := test.edge.serve(t, func() *http.Request {
				return httptest.NewRequest(test.edge.binding.Verb, test.target, nil)
			})
			body := read(t, response)
			if response.StatusCode != test.status || response.Header.Get("Location") != test.location {
				t.Errorf("status %d, location %q; want %d, %q", response.StatusCode, response.Header.Get("Location"), test.status, test.location)
			}
			if diff := cmp.Diff(value(t, test.want), value(t, body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRouteRefuses(t *testing.T) {
	tests := []struct {
		name    string
		binding transcode.Binding
		policy  *policy.Response
	}{
		{"template", transcode.Binding{Verb: "GET", Path: "v2"}, nil},
		{"body", transcode.Binding{Verb: "POST", Path: "/v2", Body: "nope"}, nil},
		{"response body", transcode.Binding{Verb: "GET", Path: "/v2", ResponseBody: "nope"}, nil},
		{"location", transcode.Binding{Verb: "GET", Path: "/v2"}, &policy.Response{Location: "/v2/{nope}"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := transcode.NewRoute(listVendors, test.binding, transcode.RouteOptions{Mux: runtime.NewServeMux(), Response: test.policy}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func value(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestWhoWantsTheMessageGetsIt(t *testing.T) {
	options := map[string]runtime.ServeMuxOption{
		"rewriter": runtime.WithForwardResponseRewriter(func(_ context.Context, m proto.Message) (any, error) { return m, nil }),
		"forward option": runtime.WithForwardResponseOption(
			func(context.Context, http.ResponseWriter, proto.Message) error { return nil }),
		"indented JSON": runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{Multiline: true},
		}),
		"no JSON": runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.ProtoMarshaller{}),
	}
	for name, option := range options {
		t.Run(name, func(t *testing.T) {
			rt, err := transcode.NewRoute(listVendors, transcode.Binding{Verb: "GET", Path: "/v2"}, transcode.RouteOptions{Mux: runtime.NewServeMux(option)})
			if err != nil {
				t.Fatal(err)
			}
			if passing, err := rt.PassingThrough(); err != nil || passing != rt {
				t.Errorf("responses pass by the message (%v)", err)
			}
		})
	}
}
