package vendors

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	"github.com/venta-hq/venta/services/caller"
	"github.com/venta-hq/venta/services/store"
)

// V1 serves venta.vendor.v1.VendorService. It is safe for concurrent use.
type V1 struct {
	vendorv1.UnimplementedVendorServiceServer

	store *store.Store
}

// NewV1 returns a server of the older contract over the same store. Requests
// are expected to be valid and to carry a caller, as package grpcserver sees to.
func NewV1(s *store.Store) *V1 { return &V1{store: s} }

// GetVendor returns any vendor.
func (v *V1) GetVendor(ctx context.Context, r *vendorv1.GetVendorRequest) (*vendorv1.GetVendorResponse, error) {
	vendor, err := v.store.Vendor(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &vendorv1.GetVendorResponse{Vendor: messageV1(vendor)}, nil
}

// CreateVendor makes a vendor of the caller.
func (v *V1) CreateVendor(ctx context.Context, r *vendorv1.CreateVendorRequest) (*vendorv1.CreateVendorResponse, error) {
	owner, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	vendor, err := v.store.CreateVendor(ctx, owner.Subject, store.Profile{
		Name:         r.GetName(),
		Description:  r.GetDescription(),
		Email:        r.GetEmail(),
		Phone:        r.GetPhone(),
		Website:      r.GetWebsite(),
		ProfileImage: r.GetImageUrl(),
	})
	if err != nil {
		return nil, err
	}
	return &vendorv1.CreateVendorResponse{Id: vendor.ID}, nil
}

// UpdateVendor changes the fields that are present in the caller's own vendor.
func (v *V1) UpdateVendor(ctx context.Context, r *vendorv1.UpdateVendorRequest) (*vendorv1.UpdateVendorResponse, error) {
	owner, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	_, err = v.store.UpdateVendor(ctx, owner.Subject, r.GetId(), store.AnyRevision, store.Changes{
		Name:         r.Name,
		Description:  r.Description,
		Email:        r.Email,
		Phone:        r.Phone,
		Website:      r.Website,
		ProfileImage: r.ImageUrl,
		Open:         r.Open,
	})
	if err != nil {
		return nil, err
	}
	return &vendorv1.UpdateVendorResponse{Message: "Vendor updated", Success: true}, nil
}

func messageV1(v store.Vendor) *vendorv1.Vendor {
	m := &vendorv1.Vendor{
		Id:           v.ID,
		Name:         v.Name,
		Description:  v.Description,
		Phone:        v.Phone,
		Email:        v.Email,
		Website:      v.Website,
		Open:         v.Open,
		PrimaryImage: v.ProfileImage,
		CreatedAt:    timestamppb.New(v.CreatedAt),
		UpdatedAt:    timestamppb.New(v.UpdatedAt),
	}
	if v.Position != nil {
		m.Lat, m.Long = wrapperspb.Double(v.Position.Lat), wrapperspb.Double(v.Position.Lng)
	}
	return m
}
