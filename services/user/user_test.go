package user_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/store"
	"github.com/venta-hq/venta/services/user"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servicetest.OnEach{M: m}) }

func start(t *testing.T) (*servicetest.System, userv1.UserServiceClient) {
	t.Helper()
	s := servicetest.Start(t, func(r grpc.ServiceRegistrar, s *store.Store) {
		userv1.RegisterUserServiceServer(r, user.New(s))
	})
	return s, userv1.NewUserServiceClient(s.Conn)
}

func vendorNames(ctx context.Context, t *testing.T, client userv1.UserServiceClient) []string {
	t.Helper()
	response, err := client.GetUserVendors(ctx, &userv1.GetUserVendorsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range response.GetVendors() {
		if v.GetId() == "" {
			t.Error("a vendor without id")
		}
		names = append(names, v.GetName())
	}
	return names
}

func create(t *testing.T, s *servicetest.System, owner, name string) {
	t.Helper()
	if _, err := s.Store.CreateVendor(t.Context(), owner, store.Profile{Name: name}); err != nil {
		t.Fatal(err)
	}
}

func TestGetUserVendors(t *testing.T) {
	s, client := start(t)
	for _, v := range [][2]string{{"ada", "B"}, {"eve", "X"}, {"ada", "A"}} {
		create(t, s, v[0], v[1])
	}
	if got := vendorNames(s.As("ada"), t, client); !slices.Equal(got, []string{"B", "A"}) {
		t.Errorf("vendors %v", got)
	}
	if got := vendorNames(s.As("nobody"), t, client); len(got) != 0 {
		t.Errorf("vendors of a stranger %v", got)
	}
}

// Every report may arrive twice, and in any order.
func TestReportsAreIdempotent(t *testing.T) {
	s, client := start(t)
	system := s.As("webhooks", "system")
	created := func() error {
		_, err := client.HandleUserCreated(system, &userv1.HandleUserCreatedRequest{UserId: "ada", Email: "ada@example.com"})
		return err
	}
	bought := func(id string) func() error {
		return func() error {
			_, err := client.HandleSubscriptionCreated(system, &userv1.HandleSubscriptionCreatedRequest{
				UserId: "ada", SubscriptionId: id, Product: "stall",
			})
			return err
		}
	}
	deleted := func() error {
		_, err := client.HandleUserDeleted(system, &userv1.HandleUserDeletedRequest{UserId: "ada"})
		return err
	}
	for i, report := range []func() error{
		deleted, bought("s0"), created, created, bought("s1"), bought("s1"), bought("s2"), deleted, deleted, created,
	} {
		if err := report(); err != nil {
			t.Errorf("report %d: %v", i, err)
		}
	}
}

func TestReportsAtOnce(t *testing.T) {
	s, client := start(t)
	system := s.As("webhooks", "system")
	var group sync.WaitGroup
	for i := range 18 {
		group.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = client.HandleUserCreated(system, &userv1.HandleUserCreatedRequest{UserId: "ada"})
			case 1:
				_, err = client.HandleSubscriptionCreated(system, &userv1.HandleSubscriptionCreatedRequest{UserId: "ada", SubscriptionId: "s"})
			default:
				_, err = client.HandleUserDeleted(system, &userv1.HandleUserDeletedRequest{UserId: "ada"})
			}
			if err != nil {
				t.Errorf("report %d: %v", i, err)
			}
		})
	}
	group.Wait()
}

func TestUserDeletedTakesItsVendorsAlong(t *testing.T) {
	s, client := start(t)
	create(t, s, "ada", "Tacos")
	create(t, s, "eve", "Soup")
	system := s.As("webhooks", "system")
	if _, err := client.HandleSubscriptionCreated(system, &userv1.HandleSubscriptionCreatedRequest{UserId: "ada", SubscriptionId: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.HandleUserDeleted(system, &userv1.HandleUserDeletedRequest{UserId: "ada"}); err != nil {
		t.Fatal(err)
	}
	if got := vendorNames(s.As("ada"), t, client); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
	if got := vendorNames(s.As("eve"), t, client); !slices.Equal(got, []string{"Soup"}) {
		t.Errorf("the other user's vendors: %v", got)
	}
}

func TestReportsNeedTheSystemRole(t *testing.T) {
	s, client := start(t)
	create(t, s, "ada", "Tacos")
	for name, ctx := range map[string]context.Context{
		"no role":       s.As("ada"),
		"another role":  s.As("ada", "staff"),
		"similar roles": s.As("ada", "System", "system ", "system,staff"),
		"role as name":  s.As("system"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.HandleUserCreated(ctx, &userv1.HandleUserCreatedRequest{UserId: "ada"})
			servicetest.WantCode(t, err, codes.PermissionDenied)
			_, err = client.HandleUserDeleted(ctx, &userv1.HandleUserDeletedRequest{UserId: "ada"})
			servicetest.WantCode(t, err, codes.PermissionDenied)
			_, err = client.HandleSubscriptionCreated(ctx, &userv1.HandleSubscriptionCreatedRequest{UserId: "ada", SubscriptionId: "s"})
			servicetest.WantCode(t, err, codes.PermissionDenied)
		})
	}
	if got := vendorNames(s.As("ada"), t, client); len(got) != 1 {
		t.Errorf("vendors %v", got)
	}
}

func TestReportsAreValidated(t *testing.T) {
	s, client := start(t)
	system := s.As("webhooks", "system")
	for _, r := range []*userv1.HandleUserCreatedRequest{{}, {UserId: "ada", Data: &userv1.IdentityUser{Id: "ada"}}} {
		_, err := client.HandleUserCreated(system, r)
		if got := servicetest.Fields(t, err); !slices.Equal(got, []string{""}) {
			t.Errorf("fields %q", got)
		}
	}
	_, err := client.HandleUserCreated(system, &userv1.HandleUserCreatedRequest{Data: &userv1.IdentityUser{}})
	if got := servicetest.Fields(t, err); !slices.Equal(got, []string{"data.id"}) {
		t.Errorf("fields %v", got)
	}
	_, err = client.HandleUserDeleted(system, &userv1.HandleUserDeletedRequest{UserId: strings.Repeat("x", 256)})
	if got := servicetest.Fields(t, err); !slices.Equal(got, []string{"user_id"}) {
		t.Errorf("fields %v", got)
	}
	_, err = client.HandleSubscriptionCreated(system, &userv1.HandleSubscriptionCreatedRequest{})
	if got := servicetest.Fields(t, err); !slices.Equal(got, []string{"user_id", "subscription_id"}) {
		t.Errorf("fields %v", got)
	}
}

// TestDeliveriesOfTheIdentityProvider holds that they mean what a system's reports do.
func TestDeliveriesOfTheIdentityProvider(t *testing.T) {
	s, client := start(t)
	system := s.As("webhooks", "system")
	created := &userv1.HandleUserCreatedRequest{Data: &userv1.IdentityUser{
		Id: "ada", PrimaryEmailAddressId: "2",
		EmailAddresses: []*userv1.IdentityEmail{{Id: "1", EmailAddress: "old@example.com"}, {Id: "2", EmailAddress: "ada@example.com"}},
	}}
	deleted := &userv1.HandleUserDeletedRequest{Data: &userv1.IdentityUser{Id: "ada"}}
	for range 2 {
		if _, err := client.HandleUserCreated(system, created); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := client.HandleUserDeleted(system, deleted); err != nil {
			t.Fatal(err)
		}
	}
}
