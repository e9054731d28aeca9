package gateway_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// versioned is a service that counts the versions of its one entity, and the paths of
// the masks that it gets.
type versioned struct {
	vendorv2.UnimplementedVendorServiceServer

	mu      sync.Mutex
	version int
	name    string
	reads   int
	masks   []string
	fail    func() error // of the next write, behind it
}

func (v *versioned) vendor() *vendorv2.Vendor {
	return &vendorv2.Vendor{Id: "7", Name: v.name, Description: strings.Repeat("description ", 500), Etag: strconv.Itoa(v.version)}
}

func (v *versioned) GetVendor(context.Context, *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	return &vendorv2.GetVendorResponse{Vendor: v.vendor()}, nil
}

func (v *versioned) UpdateVendor(_ context.Context, r *vendorv2.UpdateVendorRequest) (*vendorv2.UpdateVendorResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.masks = r.GetUpdateMask().GetPaths()
	if r.GetEtag() != "" && r.GetEtag() != strconv.Itoa(v.version) {
		return nil, status.Error(codes.Aborted, "it was changed")
	}
	v.version++
	v.name = r.GetVendor().GetName()
	if fail := v.fail; fail != nil {
		v.fail = nil
		return nil, fail()
	}
	return &vendorv2.UpdateVendorResponse{Vendor: v.vendor()}, nil
}

// versionedService describes it with the policies under test.
func versionedService(get, update policy.Method) gateway.Service {
	return gateway.Service{
		Name: "venta.vendor.v2.VendorService",
		Methods: []gateway.Method{
			{
				Name:     "GetVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.GetVendor),
				Bindings: []gateway.Binding{{Verb: "GET", Path: "/v2/vendors/{id}", ResponseBody: "vendor"}},
				Policy:   get,
			},
			{
				Name:     "UpdateVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.UpdateVendor),
				Bindings: []gateway.Binding{{Verb: "PATCH", Path: "/v2/vendors/{id}", Body: "vendor", ResponseBody: "vendor"}},
				Policy:   update,
			},
		},
	}
}

var (
	readsVersion  = policy.Method{Etag: &policy.Etag{Field: "vendor.etag"}}
	writesVersion = policy.Method{Etag: &policy.Etag{Field: "etag"}}
)

func cachedVersion() policy.Method {
	m := cached(policy.Cache{StaleIfError: time.Hour})
	m.Etag = readsVersion.Etag
	return m
}

// versionedEdges returns the service behind a gateway and behind a grpc-gateway mux.
func versionedEdges(t *testing.T, v *versioned, get, update policy.Method) map[string]http.Handler {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	vendorv2.RegisterVendorServiceServer(server, v)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	if err := gw.Register(versionedService(get, update), conn); err != nil {
		t.Fatal(err)
	}
	mux := runtime.NewServeMux()
	if err := gateway.RegisterOnMux(t.Context(), mux, versionedService(get, update), conn); err != nil {
		t.Fatal(err)
	}
	return map[string]http.Handler{"a gateway": gw.Handler(), "a mux": mux}
}

// send calls a handler, with header fields in pairs.
func send(h http.Handler, method, body string, fields ...string) answer {
	r := httptest.NewRequest(method, "/v2/vendors/7", strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, "/v2/vendors/7", nil)
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// TestLostUpdates holds that of two clients who change what they have read the second
// one is told, on every edge, with stored responses and without, compressed or not.
func TestLostUpdates(t *testing.T) {
	for name, get := range map[string]policy.Method{"read anew": readsVersion, "stored": cachedVersion()} {
		for _, coding := range []string{"identity", "gzip", "br", "zstd"} {
			v := &versioned{version: 1}
			for edge, h := range versionedEdges(t, v, get, writesVersion) {
				v.version = 1
				t.Run(strings.Join([]string{name, coding, edge}, ", "), func(t *testing.T) {
					testLostUpdate(t, v, h, coding, coding != "identity" && edge == "a gateway")
				})
			}
		}
	}
}

func testLostUpdate(t *testing.T, v *versioned, h http.Handler, coding string, encoded bool) {
	t.Helper()
	var tag string
	for range 2 {
		read := send(h, "GET", "", "Accept-Encoding", coding, "Cache-Control", "max-age=60")
		if tag = read.header.Get("Etag"); read.status != 200 || !strings.HasPrefix(tag, `"1`) || strings.HasPrefix(tag, "W/") {
			t.Fatalf("%d with the ETag %q", read.status, tag)
		}
		if is := read.header.Get("Content-Encoding") == coding; encoded && !is || is != (tag != `"1"`) {
			t.Errorf("%q with the ETag %s", read.header.Get("Content-Encoding"), tag)
		}
	}
	first := send(h, "PATCH", `{"name":"one"}`, "If-Match", tag)
	if first.status != 200 || v.name != "one" || v.version != 2 {
		t.Fatalf("%d %s", first.status, first.body)
	}
	second := send(h, "PATCH", `{"name":"two"}`, "If-Match", tag)
	if second.status != http.StatusPreconditionFailed || second.reason() != "PRECONDITION_FAILED" || v.name != "one" || v.version != 2 {
		t.Errorf("%d %s; %q", second.status, second.body, v.name)
	}
	if whatever := send(h, "PATCH", `{"name":"two"}`, "If-Match", "*"); whatever.status != 200 || v.name != "two" {
		t.Errorf("%d %s", whatever.status, whatever.body)
	}
	if inBody := send(h, "PATCH", `{"name":"three"}`); inBody.status != 200 || v.name != "three" {
		t.Errorf("without a condition: %d %s", inBody.status, inBody.body)
	}
}

// TestConditionsOfReads holds that a read's conditions are judged by the version, and
// that no stored response passes over If-Match.
func TestConditionsOfReads(t *testing.T) {
	for name, get := range map[string]policy.Method{"read anew": readsVersion, "stored": cachedVersion()} {
		v := &versioned{version: 1}
		for edge, h := range versionedEdges(t, v, get, writesVersion) {
			v.version = 1
			send(h, "GET", "")
			for _, method := range []string{"GET", "HEAD"} {
				for condition, want := range map[[2]string]int{
					{"If-None-Match", `"1"`}: 304, {"If-None-Match", `W/"1"`}: 304, {"If-None-Match", `"1-gzip"`}: 304,
					{"If-None-Match", `"0"`}: 200, {"If-Match", `"1"`}: 200, {"If-Match", `"0"`}: 412, {"If-Match", `W/"1"`}: 412,
					{"If-Match", "*"}: 200, {"If-Unmodified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"}: 400,
				} {
					if method == "HEAD" && edge == "a mux" {
						continue // grpc-gateway's mux has no HEAD
					}
					got := send(h, method, "", condition[0], condition[1], "Accept-Encoding", "gzip")
					if got.status != want || want == 304 && (got.body != "" || !strings.HasPrefix(got.header.Get("Etag"), `"1`)) {
						t.Errorf("%s, %s: %s with %s: %d %.80q %q", name, edge, method, condition, got.status, got.body, got.header.Get("Etag"))
					}
				}
			}
			v.version = 2 // what is stored is of before
			if got := send(h, "GET", "", "If-Match", `"1"`); got.status != 412 {
				t.Errorf("%s, %s: a stored response passes over If-Match: %d", name, edge, got.status)
			}
			if got := send(h, "GET", "", "If-Match", `"2"`); got.status != 200 || got.header.Get("Etag") != `"2"` {
				t.Errorf("%s, %s: %d %q", name, edge, got.status, got.header.Get("Etag"))
			}
		}
	}
}

// TestConditionsWithoutVersion holds that a gateway passes over no condition, and that
// a grpc-gateway mux does what it has always done.
func TestConditionsWithoutVersion(t *testing.T) {
	v := &versioned{}
	for edge, h := range versionedEdges(t, v, cached(policy.Cache{}), policy.Method{}) {
		send(h, "GET", "")
		v.name = "before"
		for _, test := range []struct{ method, field, value string }{
			{"PATCH", "If-Match", `"1"`},
			{"PATCH", "If-Unmodified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"},
			{"PATCH", "If-None-Match", "*"},
			{"GET", "If-Match", `"1"`},
			{"GET", "If-Unmodified-Since", "Mon, 02 Nov 2026 10:00:00 GMT"},
		} {
			body := ""
			if test.method == "PATCH" {
				body = `{"name":"after"}`
			}
			got := send(h, test.method, body, test.field, test.value)
			switch {
			case edge == "a mux" && got.status != 200:
				t.Errorf("%s with %s: %d %s", test.method, test.field, got.status, got.body)
			case edge == "a gateway" && (got.status != 400 || got.reason() != "PRECONDITION_UNSUPPORTED" || v.name != "before"):
				t.Errorf("%s with %s: %d %s; %q", test.method, test.field, got.status, got.body, v.name)
			}
		}
	}
}

// TestVersionsAndMasks holds that If-Match changes nothing of what a PATCH changes.
func TestVersionsAndMasks(t *testing.T) {
	v := &versioned{version: 1}
	for edge, h := range versionedEdges(t, v, readsVersion, writesVersion) {
		v.version = 1
		if got := send(h, "PATCH", `{"name":"one","phone":"1"}`, "If-Match", `"1"`); got.status != 200 || strings.Join(v.masks, " ") != "name phone" {
			t.Errorf("%s: %d %s: %q", edge, got.status, got.body, v.masks)
		}
		r := httptest.NewRequest("PATCH", "/v2/vendors/7?etag=9", strings.NewReader(`{"name":"one"}`))
		r.Header.Set("If-Match", `"1"`)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 400 {
			t.Errorf("%s: two versions: %d %s", edge, w.Code, w.Body)
		}
	}
	inBody := policy.Method{Etag: &policy.Etag{Field: "vendor.description"}}
	for edge, h := range versionedEdges(t, v, readsVersion, inBody) {
		got := send(h, "PATCH", `{"name":"one","description":"1"}`, "If-Match", `"1"`)
		if got.status != 200 || strings.Join(v.masks, " ") != "name" {
			t.Errorf("%s, the version in what is changed: %d %s: %q", edge, got.status, got.body, v.masks)
		}
	}
}

// TestVersionOfRetriedWrite holds what is documented of a write that was done and whose
// response was lost: its second attempt finds the version that the first one has made.
func TestVersionOfRetriedWrite(t *testing.T) {
	v := &versioned{version: 1, fail: func() error { return status.Error(codes.Unavailable, "lost") }}
	update := writesVersion
	update.Retry = &policy.Retry{
		MaxAttempts: 3, InitialBackoff: time.Millisecond, MaxBackoff: time.Millisecond, BackoffMultiplier: 1,
		RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 100},
	}
	h := versionedEdges(t, v, readsVersion, update)["a gateway"]
	if got := send(h, "PATCH", `{"name":"one"}`, "If-Match", `"1"`); got.status != 412 || v.version != 2 {
		t.Errorf("%d %s, version %d", got.status, got.body, v.version)
	}
}

// TestVersionRevalidates holds that a stale response whose version is still that of
// the service is validated by it.
func TestVersionRevalidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		v := &versioned{version: 1}
		if err := gw.Register(versionedService(cachedVersion(), writesVersion), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, v)); err != nil {
			t.Fatal(err)
		}
		h := gw.Handler()
		send(h, "GET", "")
		time.Sleep(2 * time.Minute)
		if got := send(h, "GET", ""); got.status != 200 || !strings.Contains(got.header.Get("Cache-Status"), "fwd-status=304") || len(got.body) < 1000 {
			t.Errorf("%d %q %d bytes", got.status, got.header.Get("Cache-Status"), len(got.body))
		}
		v.version = 2
		time.Sleep(2 * time.Minute)
		if got := send(h, "GET", ""); got.header.Get("Etag") != `"2"` || !strings.Contains(got.body, `"etag":"2"`) {
			t.Errorf("%q %q", got.header.Get("Etag"), got.header.Get("Cache-Status"))
		}
	})
}

// TestVersionInShadow holds that a block in shadow mode changes nothing.
func TestVersionInShadow(t *testing.T) {
	get, update := readsVersion, writesVersion
	get.Etag, update.Etag = &policy.Etag{Field: "vendor.etag", Shadow: true}, &policy.Etag{Field: "etag", Shadow: true}
	v := &versioned{version: 1}
	for edge, h := range versionedEdges(t, v, get, update) {
		if got := send(h, "GET", ""); got.status != 200 || got.header.Get("Etag") != "" {
			t.Errorf("%s: %d %q", edge, got.status, got.header.Get("Etag"))
		}
		want := map[string]int{"a gateway": 400, "a mux": 200}[edge]
		if got := send(h, "PATCH", `{"name":"one"}`, "If-Match", `"0"`); got.status != want {
			t.Errorf("%s: %d %s", edge, got.status, got.body)
		}
	}
}
