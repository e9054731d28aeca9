// Package user serves venta.user.v1.UserService.
package user

import (
	"cmp"
	"context"

	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	"github.com/venta-hq/venta/services/caller"
	"github.com/venta-hq/venta/services/store"
)

// Those who may report, by the names of their webhooks' secrets.
const (
	identityProvider = "clerk"
	paymentProvider  = "subscription"
)

// Server serves venta.user.v1.UserService. It is safe for concurrent use.
type Server struct {
	userv1.UnimplementedUserServiceServer

	store *store.Store
}

// New returns a server that keeps its users in s. Requests are expected to be
// valid and to carry a caller, as package grpcserver sees to.
func New(s *store.Store) *Server { return &Server{store: s} }

// GetUserVendors returns the caller's vendors.
func (s *Server) GetUserVendors(ctx context.Context, _ *userv1.GetUserVendorsRequest) (*userv1.GetUserVendorsResponse, error) {
	user, err := caller.From(ctx)
	if err != nil {
		return nil, err
	}
	vendors, err := s.store.VendorsOf(ctx, user.Subject)
	if err != nil {
		return nil, err
	}
	response := &userv1.GetUserVendorsResponse{}
	for _, v := range vendors {
		response.Vendors = append(response.Vendors, &userv1.UserVendor{Id: v.ID, Name: v.Name})
	}
	return response, nil
}

// HandleUserCreated records a user that another system reports.
func (s *Server) HandleUserCreated(ctx context.Context, r *userv1.HandleUserCreatedRequest) (*userv1.HandleUserCreatedResponse, error) {
	if err := caller.RequireReporter(ctx, identityProvider); err != nil {
		return nil, err
	}
	id, email := r.GetUserId(), r.GetEmail()
	if r.GetData() != nil {
		id, email = r.GetData().GetId(), primaryEmail(r.GetData())
	}
	if err := s.store.AddUser(ctx, id, email); err != nil {
		return nil, err
	}
	return &userv1.HandleUserCreatedResponse{}, nil
}

// HandleUserDeleted removes a user that another system reports gone.
func (s *Server) HandleUserDeleted(ctx context.Context, r *userv1.HandleUserDeletedRequest) (*userv1.HandleUserDeletedResponse, error) {
	if err := caller.RequireReporter(ctx, identityProvider); err != nil {
		return nil, err
	}
	if err := s.store.DeleteUser(ctx, cmp.Or(r.GetUserId(), r.GetData().GetId())); err != nil {
		return nil, err
	}
	return &userv1.HandleUserDeletedResponse{}, nil
}

// HandleSubscriptionCreated records a purchase that another system reports.
func (s *Server) HandleSubscriptionCreated(ctx context.Context, r *userv1.HandleSubscriptionCreatedRequest) (*userv1.HandleSubscriptionCreatedResponse, error) {
	if err := caller.RequireReporter(ctx, paymentProvider); err != nil {
		return nil, err
	}
	err := s.store.SetSubscription(ctx, r.GetUserId(), store.Subscription{ID: r.GetSubscriptionId(), Product: r.GetProduct()})
	if err != nil {
		return nil, err
	}
	return &userv1.HandleSubscriptionCreatedResponse{}, nil
}

// primaryEmail returns the address that stands for a user, or "".
func primaryEmail(u *userv1.IdentityUser) string {
	for _, email := range u.GetEmailAddresses() {
		if u.GetPrimaryEmailAddressId() == "" || email.GetId() == u.GetPrimaryEmailAddressId() {
			return email.GetEmailAddress()
		}
	}
	return ""
}
