package attack

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// What the upstream takes at most.
const (
	upstreamHeaderBytes  = 4 << 10
	upstreamMessageBytes = 1 << 10
)

// What vendors' ids begin with tells how the upstream responds.
const (
	missing = "missing-" // NOT_FOUND
	failing = "failing-" // UNAVAILABLE
	slow    = "slow-"    // after slowness
	large   = "large-"   // more than the gateway takes
	unread  = "unread-"  // with unreadBytes
	varying = "varying-" // with Vary: X-Forwarded-For
)

const unreadBytes = 8 << 20

const slowness = 500 * time.Millisecond

// upstream says in each vendor's description which metadata came with the call.
type upstream struct {
	vendorv2.UnimplementedVendorServiceServer

	address string
	server  *grpc.Server
	served  chan struct{}
}

func startUpstream() (*upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{
		address: listener.Addr().String(), served: make(chan struct{}),
		server: grpc.NewServer(grpc.MaxHeaderListSize(upstreamHeaderBytes), grpc.MaxRecvMsgSize(upstreamMessageBytes)),
	}
	vendorv2.RegisterVendorServiceServer(u.server, u)
	go func() {
		defer close(u.served)
		_ = u.server.Serve(listener) // until it is stopped
	}()
	return u, nil
}

func (u *upstream) close() {
	u.server.Stop()
	<-u.served
}

// GetVendor responds as the id asks.
func (u *upstream) GetVendor(ctx context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	vendor := &vendorv2.Vendor{Id: r.GetId(), Name: "Tacos Ada", Description: seen(ctx)}
	switch id := r.GetId(); {
	case strings.HasPrefix(id, missing):
		return nil, status.Error(codes.NotFound, "no such vendor")
	case strings.HasPrefix(id, failing):
		return nil, status.Error(codes.Unavailable, "scripted failure")
	case strings.HasPrefix(id, slow):
		time.Sleep(slowness)
	case strings.HasPrefix(id, large):
		vendor.Description = strings.Repeat("a", 8<<20)
	case strings.HasPrefix(id, unread):
		vendor.Description = strings.Repeat("a", unreadBytes)
	case strings.HasPrefix(id, varying):
		if err := grpc.SetHeader(ctx, metadata.Pairs("vary", "X-Forwarded-For")); err != nil {
			return nil, err
		}
	}
	return &vendorv2.GetVendorResponse{Vendor: vendor}, nil
}

// ListVendors returns one vendor.
func (u *upstream) ListVendors(ctx context.Context, _ *vendorv2.ListVendorsRequest) (*vendorv2.ListVendorsResponse, error) {
	return &vendorv2.ListVendorsResponse{Vendors: []*vendorv2.Vendor{{Id: "listed", Description: seen(ctx)}}}, nil
}

// CreateVendor forgets what it makes.
func (u *upstream) CreateVendor(_ context.Context, r *vendorv2.CreateVendorRequest) (*vendorv2.CreateVendorResponse, error) {
	return &vendorv2.CreateVendorResponse{Vendor: &vendorv2.Vendor{Id: "made", Name: r.GetName()}}, nil
}

// UpdateVendor is asked to change a version that has passed.
func (u *upstream) UpdateVendor(_ context.Context, r *vendorv2.UpdateVendorRequest) (*vendorv2.UpdateVendorResponse, error) {
	if etag := r.GetEtag(); etag != "" {
		return nil, status.Error(codes.Aborted, "the vendor has changed")
	}
	return &vendorv2.UpdateVendorResponse{Vendor: &vendorv2.Vendor{Id: r.GetId()}}, nil
}

// seen lists the metadata of a call, one key a line.
func seen(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(md)) {
		fmt.Fprintf(&b, "%s=%q\n", key, md[key])
	}
	return b.String()
}
