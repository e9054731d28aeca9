package subject

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/venta-hq/venta/gateway/upstream"
)

// Dial connects to the backend as the subject's users would: grpc-gateway's with
// grpc-go's defaults, Venta's with package upstream.
func Dial(mode Mode, target string) (*grpc.ClientConn, error) {
	switch mode {
	case Venta, Observed, Policies, Cached:
		return upstream.Dial(target)
	default:
		return grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
}

// Serve serves the handler on the listener until ctx ends. The server is
// bounded in the same way for all subjects.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
