package grpcserver_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/location"
	"github.com/venta-hq/venta/services/store"
	"github.com/venta-hq/venta/services/user"
	"github.com/venta-hq/venta/services/vendors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servicetest.OnEach{M: m}) }

func registerAll(r grpc.ServiceRegistrar, s *store.Store) {
	vendorv1.RegisterVendorServiceServer(r, vendors.NewV1(s))
	vendorv2.RegisterVendorServiceServer(r, vendors.NewV2(s))
	userv1.RegisterUserServiceServer(r, user.New(s))
	locationv1.RegisterLocationServiceServer(r, location.New(s))
}

// faulty is a user service whose only method does what the test says.
type faulty struct {
	userv1.UnimplementedUserServiceServer

	do func(context.Context) error
}

func (f faulty) GetUserVendors(ctx context.Context, _ *userv1.GetUserVendorsRequest) (*userv1.GetUserVendorsResponse, error) {
	return &userv1.GetUserVendorsResponse{}, f.do(ctx)
}

func registerFaulty(do func(context.Context) error) func(grpc.ServiceRegistrar, *store.Store) {
	return func(r grpc.ServiceRegistrar, _ *store.Store) { userv1.RegisterUserServiceServer(r, faulty{do: do}) }
}

func getUserVendors(ctx context.Context, conn grpc.ClientConnInterface) error {
	_, err := userv1.NewUserServiceClient(conn).GetUserVendors(ctx, &userv1.GetUserVendorsRequest{})
	return err
}

// infoOf returns the ErrorInfo of a call's error.
func infoOf(t *testing.T, err error) *errdetails.ErrorInfo {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	t.Fatalf("error %v has no ErrorInfo", err)
	return nil
}
