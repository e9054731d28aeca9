package backend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/chaos/internal/backend"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a backend that runs in this process.
type served struct {
	vendorv2.VendorServiceClient
	health  grpc_health_v1.HealthClient
	control string
	stop    context.CancelFunc
	done    chan error
}

func serve(t *testing.T) *served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &served{stop: stop, done: make(chan error, 1)}
	addresses := make(chan [2]string, 1)
	go func() {
		s.done <- backend.Serve(ctx, "127.0.0.1:0", func(serving, control string) { addresses <- [2]string{serving, control} })
	}()
	at := <-addresses
	conn, err := grpc.NewClient(at[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s.control = "http://" + at[1]
	s.VendorServiceClient, s.health = vendorv2.NewVendorServiceClient(conn), grpc_health_v1.NewHealthClient(conn)
	t.Cleanup(func() {
		conn.Close()
		stop()
		if err := <-s.done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *served) play(t *testing.T, script backend.Script) {
	t.Helper()
	text, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.request(t, http.MethodPut, "/script", text, nil); got != http.StatusNoContent {
		t.Fatalf("%d", got)
	}
}

func (s *served) counts(t *testing.T) (c backend.Counts) {
	t.Helper()
	s.request(t, http.MethodGet, "/counts", nil, &c)
	return c
}

// request sends one request to the control.
func (s *served) request(t *testing.T, method, path string, body []byte, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.control+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if into != nil {
		if err := json.NewDecoder(response.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode
}

func (s *served) get(ctx context.Context) codes.Code {
	_, err := s.GetVendor(ctx, &vendorv2.GetVendorRequest{Id: "a"})
	return status.Code(err)
}

func TestResponses(t *testing.T) {
	s := serve(t)
	one, err := s.GetVendor(t.Context(), &vendorv2.GetVendorRequest{Id: "a"})
	if err != nil || one.GetVendor().GetId() != "a" {
		t.Errorf("%v, %v", one, err)
	}
	page, err := s.ListVendors(t.Context(), &vendorv2.ListVendorsRequest{})
	if err != nil || len(page.GetVendors()) != 1 {
		t.Errorf("%v, %v", page, err)
	}
	made, err := s.CreateVendor(t.Context(), &vendorv2.CreateVendorRequest{Name: "Ada"})
	if err != nil || made.GetVendor().GetName() != "Ada" {
		t.Errorf("%v, %v", made, err)
	}
	if c := s.counts(t); c.Calls != 3 || c.Failed != 0 || c.InFlight != 0 || c.MaxInFlight != 1 || c.Connections != 1 {
		t.Errorf("%+v", c)
	}
}

// TestFailures holds that health checks pass whatever the script says: a sick
// service must be found out by its calls.
func TestFailures(t *testing.T) {
	s := serve(t)
	tests := []struct {
		name   string
		script backend.Script
		want   codes.Code
	}{
		{"all, by default", backend.Script{ErrorPercent: 100}, codes.Unavailable},
		{"all, with a code", backend.Script{ErrorPercent: 100, ErrorCode: codes.Internal}, codes.Internal},
		{"none", backend.Script{ErrorPercent: 0, ErrorCode: codes.Internal}, codes.OK},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.play(t, test.script)
			for range 20 {
				if got := s.get(t.Context()); got != test.want {
					t.Fatalf("%s, want %s", got, test.want)
				}
			}
			if _, err := s.health.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
				t.Errorf("health: %v", err)
			}
		})
	}
}

func TestSomeFail(t *testing.T) {
	s := serve(t)
	s.play(t, backend.Script{ErrorPercent: 50})
	for range 200 {
		s.get(t.Context())
	}
	if c := s.counts(t); c.Calls != 200 || c.Failed != 100 {
		t.Errorf("%+v", c)
	}
}

func TestHangs(t *testing.T) {
	s := serve(t)
	s.play(t, backend.Script{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if got := s.get(ctx); got != codes.DeadlineExceeded {
		t.Errorf("%s", got)
	}
}

func TestWorkersBoundWhatRuns(t *testing.T) {
	s := serve(t)
	const calls, workers, service = 12, 3, 10 * time.Millisecond
	s.play(t, backend.Script{Workers: workers, Latency: service})
	began := time.Now()
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			if got := s.get(t.Context()); got != codes.OK {
				t.Errorf("%s", got)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took < calls/workers*service { // a lower bound holds on any machine
		t.Errorf("%d calls in %s", calls, took)
	}
}

func TestAWrongScriptChangesNothing(t *testing.T) {
	s := serve(t)
	s.play(t, backend.Script{ErrorPercent: 100})
	if got := s.request(t, http.MethodPut, "/script", []byte("{"), nil); got != http.StatusBadRequest {
		t.Errorf("%d", got)
	}
	if got := s.get(t.Context()); got != codes.Unavailable {
		t.Errorf("%s", got)
	}
}

func TestItEndsAfterItsCalls(t *testing.T) {
	s := serve(t)
	s.play(t, backend.Script{Latency: 100 * time.Millisecond})
	call := make(chan codes.Code, 1)
	go func() { call <- s.get(context.WithoutCancel(t.Context())) }()
	for s.counts(t).InFlight == 0 { // until the call is there
	}
	s.stop()
	if got := <-call; got != codes.OK {
		t.Errorf("a call under way: %s", got)
	}
}
