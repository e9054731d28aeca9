// Package health says what orchestrators and people want to know: does the
// process live (/livez), may it have traffic (/readyz), how are the services
// behind it (/health).
package health

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// checkTimeout bounds the check of one service.
const checkTimeout = time.Second

// Health serves health requests. It is safe for concurrent use.
type Health struct {
	services map[string]grpc.ClientConnInterface
	ready    atomic.Bool
}

// New returns a Health that is not ready yet. services are asked by the gRPC
// Health Checking Protocol.
func New(services map[string]grpc.ClientConnInterface) *Health {
	return &Health{services: services}
}

// SetReady says whether the process may have traffic.
func (h *Health) SetReady(ready bool) { h.ready.Store(ready) }

// Handler serves /livez, /readyz and /health. Readiness is that of the process
// alone: an upstream that is down must not take every gateway out of balance,
// as its breaker keeps calls from it.
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { respond(w, true) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { respond(w, h.ready.Load()) })
	mux.HandleFunc("GET /health", h.report)
	return mux
}

func respond(w http.ResponseWriter, ok bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not ready\n"))
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// The statuses of a service and of the whole.
const (
	statusOK          = "ok"
	statusDegraded    = "degraded"
	statusUnavailable = "unavailable"
)

type report struct {
	Status    string            `json:"status"`
	Timestamp time.Time         `json:"timestamp"`
	Services  map[string]string `json:"services"`
}

// report responds with the state of every service: HTTP 200 while all are well,
// 503 otherwise.
func (h *Health) report(w http.ResponseWriter, r *http.Request) {
	doc := report{Status: statusOK, Timestamp: time.Now().UTC(), Services: h.check(r.Context())}
	code := http.StatusOK
	for _, status := range doc.Services {
		if status != statusOK {
			doc.Status, code = statusDegraded, http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(doc) // a client that left is no fault
}

// check asks all services at once.
func (h *Health) check(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		found = make(map[string]string, len(h.services))
	)
	for name, conn := range h.services {
		wg.Go(func() {
			status := checkOne(ctx, conn)
			mu.Lock()
			defer mu.Unlock()
			found[name] = status
		})
	}
	wg.Wait()
	return found
}

func checkOne(ctx context.Context, conn grpc.ClientConnInterface) string {
	response, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil || response.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return statusUnavailable
	}
	return statusOK
}
