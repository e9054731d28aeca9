package health

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// Serving returns a check that asks by the gRPC health protocol whether a service
// serves; "" is the server as a whole. A server without the protocol serves. The
// question goes the way of calls, so that an upstream serves as long as one of its
// addresses does.
func Serving(conn grpc.ClientConnInterface, service string) Check {
	client := grpc_health_v1.NewHealthClient(conn)
	return func(ctx context.Context) error {
		response, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		switch code := status.Code(err); {
		case code == codes.Unimplemented:
			return nil
		case code == codes.NotFound:
			return fmt.Errorf("%w: it does not know the service %q", ErrNotServing, service)
		case err != nil:
			return err
		case response.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
			return fmt.Errorf("%w: %s", ErrNotServing, response.GetStatus())
		}
		return nil
	}
}

// Connection is what [Connected] needs of a [grpc.ClientConn].
type Connection interface {
	GetState() connectivity.State
	Connect()
	WaitForStateChange(ctx context.Context, from connectivity.State) bool
}

var errUnreachable = errors.New("no address can be reached, or none serves")

// Connected returns a check whether some address is connected and serves, as the
// connection's balancer sees it. It connects one that is idle.
func Connected(conn Connection) Check {
	return func(ctx context.Context) error {
		for {
			state := conn.GetState()
			switch state {
			case connectivity.Ready:
				return nil
			case connectivity.TransientFailure, connectivity.Shutdown:
				return errUnreachable
			case connectivity.Idle:
				conn.Connect()
			case connectivity.Connecting:
			}
			if !conn.WaitForStateChange(ctx, state) {
				return ctx.Err()
			}
		}
	}
}

// NotFailing returns a check that is [Connected] without connecting: what is idle
// is well.
func NotFailing(conn Connection) Check {
	connected := Connected(conn)
	return func(ctx context.Context) error {
		if conn.GetState() == connectivity.Idle {
			return nil
		}
		return connected(ctx)
	}
}
