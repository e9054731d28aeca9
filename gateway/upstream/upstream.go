// Package upstream opens connections to the services behind the gateway.
package upstream

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// serviceConfig spreads calls over all addresses that the target resolves to.
const serviceConfig = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// reconnect is how long a lost connection waits before it is tried again. It
// stays far below a breaker's open time, so that the first probe after that
// finds a service that is back.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

// Dial returns a connection to target, such as "127.0.0.1:9001" or
// "dns:///vendor:9001". It connects in the background: an upstream that is down
// is no error here, and calls to it fail at once. grpc-go's own retries are
// off; the annotated policy decides.
func Dial(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDisableRetry(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 2 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", target, err)
	}
	return conn, nil
}
