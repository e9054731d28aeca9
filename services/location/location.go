// Package location serves venta.location.v1.LocationService.
package location

import (
	"context"

	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	"github.com/venta-hq/venta/services/caller"
	"github.com/venta-hq/venta/services/store"
)

// Server serves venta.location.v1.LocationService. It is safe for concurrent use.
type Server struct {
	locationv1.UnimplementedLocationServiceServer

	store *store.Store
}

// New returns a server that keeps last known positions in s. Requests are
// expected to be valid and to carry a caller, as package grpcserver sees to.
func New(s *store.Store) *Server { return &Server{store: s} }

// UpdateVendorLocation records where the caller's own vendor is.
func (s *Server) UpdateVendorLocation(ctx context.Context, r *locationv1.UpdateVendorLocationRequest) (*locationv1.UpdateVendorLocationResponse, error) {
	owner, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.store.MoveVendor(ctx, owner.Subject, r.GetVendorId(), position(r.GetLocation())); err != nil {
		return nil, err
	}
	return &locationv1.UpdateVendorLocationResponse{}, nil
}

// VendorLocations returns the vendors inside a box. More than
// [store.MaxInBox] are FAILED_PRECONDITION: the client must narrow the box.
func (s *Server) VendorLocations(ctx context.Context, r *locationv1.VendorLocationsRequest) (*locationv1.VendorLocationsResponse, error) {
	vendors, err := s.store.VendorsIn(ctx, store.Box{SouthWest: position(r.GetSw()), NorthEast: position(r.GetNe())})
	if err != nil {
		return nil, err
	}
	response := &locationv1.VendorLocationsResponse{}
	for _, v := range vendors {
		response.Vendors = append(response.Vendors, &locationv1.VendorLocation{
			VendorId: v.ID,
			Name:     v.Name,
			Location: &locationv1.Location{Lat: v.Position.Lat, Lng: v.Position.Lng},
		})
	}
	return response, nil
}

func position(l *locationv1.Location) store.Position {
	return store.Position{Lat: l.GetLat(), Lng: l.GetLng()}
}
