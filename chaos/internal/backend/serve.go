package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// drainTime bounds how long calls may take to end at shutdown.
const drainTime = 5 * time.Second

// maxHeaders is what it announces that it takes, as servers in other languages do.
const maxHeaders = 8 << 10

// Serve serves gRPC on address and the control of its script on a free port,
// and prints both, until ctx ends; it then lets calls finish. The first
// argument of announce is the address of gRPC, the second the control's.
func Serve(ctx context.Context, address string, announce func(serving, control string)) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	side, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("backend: control: %w", errors.Join(err, listener.Close()))
	}
	s := newService()
	counted := &countingListener{Listener: listener}
	control := &http.Server{Handler: controls(s, counted), ReadHeaderTimeout: time.Second}
	go func() { _ = control.Serve(side) }() // ends with Close below
	defer func() { _ = control.Close() }()
	announce(listener.Addr().String(), side.Addr().String())
	return serveCalls(ctx, s, counted)
}

func serveCalls(ctx context.Context, s *service, listener net.Listener) error {
	server := grpc.NewServer(grpc.UnaryInterceptor(s.intercept), grpc.MaxHeaderListSize(maxHeaders))
	vendorv2.RegisterVendorServiceServer(server, s)
	checks := health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, checks)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("backend: %w", err)
	case <-ctx.Done():
	}
	checks.Shutdown()
	late := time.AfterFunc(drainTime, server.Stop)
	defer late.Stop()
	server.GracefulStop()
	return <-served
}

// controls serves PUT /script and GET /counts.
func controls(s *service, connections *countingListener) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /script", func(w http.ResponseWriter, r *http.Request) {
		var script Script
		if err := json.NewDecoder(r.Body).Decode(&script); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.script.Store(newStage(script))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		counts := s.counts()
		counts.Connections = connections.accepted.Load()
		_ = json.NewEncoder(w).Encode(counts) // a parent that left reads no counts
	})
	return mux
}

type countingListener struct {
	net.Listener
	accepted atomic.Int64
}

// Accept implements net.Listener.
func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return conn, err
}
