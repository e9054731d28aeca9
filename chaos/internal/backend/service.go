// Package backend is the gRPC service behind the gateway of a scenario: the
// vendors' API, responding as a script says, in a process of its own.
package backend

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// Counts is what came to a backend since it started.
type Counts struct {
	Calls       int64 // attempts, as the gateway calls them
	Failed      int64 // with an error, or without a response
	InFlight    int64
	MaxInFlight int64
	Connections int64
}

// service plays a script. It is safe for concurrent use.
type service struct {
	vendorv2.UnimplementedVendorServiceServer

	names                                 sync.Map // of vendors that were given one
	script                                atomic.Pointer[stage]
	calls, failed, inFlight, mostInFlight atomic.Int64
}

func newService() *service {
	s := &service{}
	s.script.Store(newStage(Script{}))
	return s
}

func (s *service) counts() Counts {
	return Counts{
		Calls: s.calls.Load(), Failed: s.failed.Load(),
		InFlight: s.inFlight.Load(), MaxInFlight: s.mostInFlight.Load(),
	}
}

// intercept plays the script before the handlers respond. Health is no part of
// it: a sick service must be found out by its calls.
func (s *service) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if info.Server != s {
		return handle(ctx, request)
	}
	s.calls.Add(1)
	s.raise(s.inFlight.Add(1))
	defer s.inFlight.Add(-1)
	if err := s.script.Load().play(ctx); err != nil {
		s.failed.Add(1)
		return nil, err
	}
	return handle(ctx, request)
}

func (s *service) raise(inFlight int64) {
	for most := s.mostInFlight.Load(); inFlight > most; most = s.mostInFlight.Load() {
		if s.mostInFlight.CompareAndSwap(most, inFlight) {
			return
		}
	}
}

// GetVendor knows every vendor.
func (s *service) GetVendor(_ context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	return &vendorv2.GetVendorResponse{Vendor: s.named(r.GetId())}, nil
}

// UpdateVendor remembers the name, and nothing else.
func (s *service) UpdateVendor(_ context.Context, r *vendorv2.UpdateVendorRequest) (*vendorv2.UpdateVendorResponse, error) {
	id := r.GetId()
	s.names.Store(id, r.GetVendor().GetName())
	return &vendorv2.UpdateVendorResponse{Vendor: s.named(id)}, nil
}

func (s *service) named(id string) *vendorv2.Vendor {
	v := vendor(id)
	if name, ok := s.names.Load(id); ok {
		v.Name, _ = name.(string)
	}
	return v
}

// ListVendors returns a page of one vendor.
func (s *service) ListVendors(context.Context, *vendorv2.ListVendorsRequest) (*vendorv2.ListVendorsResponse, error) {
	return &vendorv2.ListVendorsResponse{Vendors: []*vendorv2.Vendor{vendor("listed")}}, nil
}

// CreateVendor forgets what it makes.
func (s *service) CreateVendor(_ context.Context, r *vendorv2.CreateVendorRequest) (*vendorv2.CreateVendorResponse, error) {
	made := vendor("made")
	made.Name, made.Email = r.GetName(), r.GetEmail()
	return &vendorv2.CreateVendorResponse{Vendor: made}, nil
}

func vendor(id string) *vendorv2.Vendor {
	return &vendorv2.Vendor{
		Id: id, Name: "Tacos Ada", Email: "ada@example.com", IsOpen: true,
		Description: "Corn tortillas, slow beans and three salsas; from eleven until sold out.",
	}
}
