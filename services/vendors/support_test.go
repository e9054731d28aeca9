package vendors_test

import (
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/store"
	"github.com/venta-hq/venta/services/vendors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servicetest.OnEach{M: m}) }

type system struct {
	*servicetest.System
	v1 vendorv1.VendorServiceClient
	v2 vendorv2.VendorServiceClient
}

func register(r grpc.ServiceRegistrar, s *store.Store) {
	vendorv1.RegisterVendorServiceServer(r, vendors.NewV1(s))
	vendorv2.RegisterVendorServiceServer(r, vendors.NewV2(s))
}

func clients(s *servicetest.System) system {
	return system{s, vendorv1.NewVendorServiceClient(s.Conn), vendorv2.NewVendorServiceClient(s.Conn)}
}

func start(t testing.TB) system {
	t.Helper()
	return clients(servicetest.Start(t, register))
}

// create makes a vendor with every field set.
func (s system) create(t testing.TB, owner string) *vendorv2.Vendor {
	t.Helper()
	created, err := s.v2.CreateVendor(s.As(owner), &vendorv2.CreateVendorRequest{
		Name: "Tacos", Description: "Best", Email: "tacos@example.com", Phone: "+1 555",
		Website: "https://tacos.example", ProfileImage: "https://tacos.example/i.png",
	})
	if err != nil {
		t.Fatal(err)
	}
	return created.GetVendor()
}

func (s system) get(t testing.TB, id string) *vendorv2.Vendor {
	t.Helper()
	got, err := s.v2.GetVendor(s.As("reader"), &vendorv2.GetVendorRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetVendor()
}
