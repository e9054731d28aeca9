// Package xds opens connections to upstreams whose addresses, balancing and
// certificates a control plane says, by Envoy's xDS protocol (gRFC A27), at
// targets such as "xds:///orders".
//
// It is a package of its own because it links grpc-go's xDS client, which adds
// about 16 MB to a program.
package xds

import (
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/xds"
	_ "google.golang.org/grpc/xds" // resolves xds targets and has their balancers

	"github.com/venta-hq/venta/gateway/upstream"
)

// The environment variables that grpc-go reads.
const (
	bootstrapFile = "GRPC_XDS_BOOTSTRAP"
	bootstrap     = "GRPC_XDS_BOOTSTRAP_CONFIG"
)

// New is [upstream.New] for a target of scheme xds. The control plane is the one
// of grpc-go's bootstrap, which the environment variables GRPC_XDS_BOOTSTRAP (a
// file) or GRPC_XDS_BOOTSTRAP_CONFIG (its content) give when the process starts;
// without one, and without o.Resolver, New returns an error.
//
// What the control plane says of TLS goes before o.TLS, which stands in where it
// says nothing. It also says how calls are balanced, what outlier detection ejects
// and how many connections there are; groups and slow start work on top of that.
// Health checks by connection are off, since it knows the health of addresses.
func New(target string, o upstream.Options) (*upstream.Conn, error) {
	if o.Resolver == nil && os.Getenv(bootstrapFile) == "" && os.Getenv(bootstrap) == "" {
		return nil, fmt.Errorf("upstream %q: no control plane: set %s or %s", target, bootstrapFile, bootstrap)
	}
	fallback, err := upstream.Credentials(o.TLS)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", target, err)
	}
	secured, err := xds.NewClientCredentials(xds.ClientOptions{FallbackCreds: fallback})
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", target, err)
	}
	options := append([]grpc.DialOption{grpc.WithTransportCredentials(secured)}, o.DialOptions...)
	o.TLS, o.DialOptions = nil, options
	return upstream.New(target, o)
}
