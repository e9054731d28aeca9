// Package vendors serves both contracts of the vendors' profiles from one store.
// (Go reserves the import path "vendor".)
package vendors

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/caller"
	"github.com/venta-hq/venta/services/store"
)

const defaultPageSize = 50

// V2 serves venta.vendor.v2.VendorService. It is safe for concurrent use.
type V2 struct {
	vendorv2.UnimplementedVendorServiceServer

	store *store.Store
}

// NewV2 returns a server that keeps its vendors in s. Requests are expected to
// be valid and to carry a caller, as package grpcserver sees to.
func NewV2(s *store.Store) *V2 { return &V2{store: s} }

// GetVendor returns any vendor.
func (v *V2) GetVendor(ctx context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	vendor, err := v.store.Vendor(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &vendorv2.GetVendorResponse{Vendor: messageV2(vendor)}, nil
}

// ListVendors returns a page of all vendors.
func (v *V2) ListVendors(ctx context.Context, r *vendorv2.ListVendorsRequest) (*vendorv2.ListVendorsResponse, error) {
	size := int(r.GetPageSize())
	if size == 0 {
		size = defaultPageSize
	}
	vendors, next, err := v.store.Vendors(ctx, size, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &vendorv2.ListVendorsResponse{NextPageToken: next}
	for _, vendor := range vendors {
		response.Vendors = append(response.Vendors, messageV2(vendor))
	}
	return response, nil
}

// CreateVendor makes a vendor of the caller.
func (v *V2) CreateVendor(ctx context.Context, r *vendorv2.CreateVendorRequest) (*vendorv2.CreateVendorResponse, error) {
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
		ProfileImage: r.GetProfileImage(),
	})
	if err != nil {
		return nil, err
	}
	return &vendorv2.CreateVendorResponse{Vendor: messageV2(vendor)}, nil
}

// UpdateVendor changes what the mask names of the caller's own vendor.
func (v *V2) UpdateVendor(ctx context.Context, r *vendorv2.UpdateVendorRequest) (*vendorv2.UpdateVendorResponse, error) {
	owner, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	changes, err := changesOf(r.GetVendor(), r.GetUpdateMask().GetPaths())
	if err != nil {
		return nil, err
	}
	vendor, err := v.store.UpdateVendor(ctx, owner.Subject, r.GetId(), revisionOf(r.GetEtag()), changes)
	if err != nil {
		return nil, err
	}
	return &vendorv2.UpdateVendorResponse{Vendor: messageV2(vendor)}, nil
}

// DeleteVendor removes the caller's own vendor.
func (v *V2) DeleteVendor(ctx context.Context, r *vendorv2.DeleteVendorRequest) (*vendorv2.DeleteVendorResponse, error) {
	owner, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.store.DeleteVendor(ctx, owner.Subject, r.GetId(), revisionOf(r.GetEtag())); err != nil {
		return nil, err
	}
	return &vendorv2.DeleteVendorResponse{}, nil
}

func messageV2(v store.Vendor) *vendorv2.Vendor {
	m := &vendorv2.Vendor{
		Id:           v.ID,
		Name:         v.Name,
		Description:  v.Description,
		Phone:        v.Phone,
		Email:        v.Email,
		Website:      v.Website,
		IsOpen:       v.Open,
		ProfileImage: v.ProfileImage,
		CreatedAt:    timestamppb.New(v.CreatedAt),
		UpdatedAt:    timestamppb.New(v.UpdatedAt),
		Etag:         etagOf(v.Revision),
	}
	if v.Position != nil {
		m.Coordinates = &vendorv2.Coordinates{Lat: v.Position.Lat, Lng: v.Position.Lng}
	}
	return m
}
