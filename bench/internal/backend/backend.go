// Package backend is the gRPC service behind every gateway that is measured. It
// responds from memory and does no more than it must, so that what is measured
// is the gateway.
package backend

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/bench/internal/fixture"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// Service responds with the messages of package fixture. It is safe for
// concurrent use.
type Service struct {
	vendorv2.UnimplementedVendorServiceServer

	one  *vendorv2.GetVendorResponse
	list *vendorv2.ListVendorsResponse
}

// New returns the service.
func New() *Service {
	return &Service{
		one:  &vendorv2.GetVendorResponse{Vendor: fixture.Vendor()},
		list: fixture.List(),
	}
}

// GetVendor knows the vendor with the id fixture.ID alone.
func (s *Service) GetVendor(_ context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	if r.GetId() != fixture.ID {
		return nil, status.Errorf(codes.NotFound, "no vendor %q", r.GetId())
	}
	return s.one, nil
}

// ListVendors returns the same page for every request.
func (s *Service) ListVendors(context.Context, *vendorv2.ListVendorsRequest) (*vendorv2.ListVendorsResponse, error) {
	return s.list, nil
}

// CreateVendor returns the vendor that the request describes and forgets it.
func (s *Service) CreateVendor(_ context.Context, r *vendorv2.CreateVendorRequest) (*vendorv2.CreateVendorResponse, error) {
	return &vendorv2.CreateVendorResponse{Vendor: fixture.Created(r)}, nil
}

// Serve serves gRPC on the listener until ctx ends.
func Serve(ctx context.Context, listener net.Listener) error {
	server := grpc.NewServer()
	vendorv2.RegisterVendorServiceServer(server, New())
	defer context.AfterFunc(ctx, server.Stop)()
	return server.Serve(listener)
}
