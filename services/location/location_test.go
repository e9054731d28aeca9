package location_test

import (
	"math"
	"slices"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/location"
	"github.com/venta-hq/venta/services/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servicetest.OnEach{M: m}) }

func start(t *testing.T) (*servicetest.System, locationv1.LocationServiceClient) {
	t.Helper()
	s := servicetest.Start(t, func(r grpc.ServiceRegistrar, s *store.Store) {
		locationv1.RegisterLocationServiceServer(r, location.New(s))
	})
	return s, locationv1.NewLocationServiceClient(s.Conn)
}

func create(t *testing.T, s *servicetest.System, owner, name string) string {
	t.Helper()
	v, err := s.Store.CreateVendor(t.Context(), owner, store.Profile{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func at(lat, lng float64) *locationv1.Location { return &locationv1.Location{Lat: lat, Lng: lng} }

func TestMoveAndFind(t *testing.T) {
	s, client := start(t)
	for name, p := range map[string]*locationv1.Location{
		"tacos": at(52.5, 13.4), "soup": at(52.6, 13.4), "fiji": at(-17, 179.9), "samoa": at(-14, -172), "nowhere": nil,
	} {
		id := create(t, s, "ada", name)
		if p == nil {
			continue
		}
		if _, err := client.UpdateVendorLocation(s.As("ada"), &locationv1.UpdateVendorLocationRequest{VendorId: id, Location: p}); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		sw, ne *locationv1.Location
		want   []string
	}{
		"corner is inside":        {at(52.5, 13.4), at(52.55, 13.5), []string{"tacos"}},
		"both corners":            {at(52.5, 13.4), at(52.6, 13.4), []string{"soup", "tacos"}},
		"beyond the corner":       {at(math.Nextafter(52.5, 53), 13.4), at(52.55, 13.5), nil},
		"across the antimeridian": {at(-20, 179), at(-10, -170), []string{"fiji", "samoa"}},
		"the long way round":      {at(-20, -170), at(-10, 179), nil},
		"whole world":             {at(-90, -180), at(90, 180), []string{"fiji", "samoa", "soup", "tacos"}},
		"a point at sea":          {at(0, 0), at(0, 0), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response, err := client.VendorLocations(s.As("eve"), &locationv1.VendorLocationsRequest{Sw: test.sw, Ne: test.ne})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, v := range response.GetVendors() {
				if v.GetVendorId() == "" || v.GetLocation() == nil {
					t.Errorf("vendor %v", v)
				}
				names = append(names, v.GetName())
			}
			slices.Sort(names)
			if !slices.Equal(names, test.want) {
				t.Errorf("found %v, want %v", names, test.want)
			}
		})
	}
}

func TestTheLastPositionCounts(t *testing.T) {
	s, client := start(t)
	id := create(t, s, "ada", "tacos")
	for _, lat := range []float64{1, 2} {
		if _, err := client.UpdateVendorLocation(s.As("ada"), &locationv1.UpdateVendorLocationRequest{VendorId: id, Location: at(lat, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	response, err := client.VendorLocations(s.As("ada"), &locationv1.VendorLocationsRequest{Sw: at(0, -1), Ne: at(3, 1)})
	if err != nil || len(response.GetVendors()) != 1 || response.GetVendors()[0].GetLocation().GetLat() != 2 {
		t.Errorf("%v, %v", response, err)
	}
}

func TestOnlyTheOwnerMayMove(t *testing.T) {
	s, client := start(t)
	id := create(t, s, "ada", "tacos")
	for _, vendor := range []string{id, "unknown"} {
		_, err := client.UpdateVendorLocation(s.As("eve", "system"), &locationv1.UpdateVendorLocationRequest{VendorId: vendor, Location: at(1, 1)})
		servicetest.WantCode(t, err, codes.NotFound)
	}
	if v, err := s.Store.Vendor(t.Context(), id); err != nil || v.Position != nil {
		t.Errorf("moved by somebody else: %v, %v", v.Position, err)
	}
}

func TestPlacesOffTheMap(t *testing.T) {
	s, client := start(t)
	id := create(t, s, "ada", "tacos")
	good := at(0, 0)
	for name, bad := range map[string]*locationv1.Location{
		"north":    at(math.Nextafter(90, 91), 0),
		"south":    at(math.Nextafter(-90, -91), 0),
		"east":     at(0, math.Nextafter(180, 181)),
		"west":     at(0, math.Nextafter(-180, -181)),
		"lat NaN":  at(math.NaN(), 0),
		"lng NaN":  at(0, math.NaN()),
		"lat +Inf": at(math.Inf(1), 0),
		"lng -Inf": at(0, math.Inf(-1)),
		"missing":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.UpdateVendorLocation(s.As("ada"), &locationv1.UpdateVendorLocationRequest{VendorId: id, Location: bad})
			servicetest.WantCode(t, err, codes.InvalidArgument)
			_, err = client.VendorLocations(s.As("ada"), &locationv1.VendorLocationsRequest{Sw: bad, Ne: good})
			servicetest.WantCode(t, err, codes.InvalidArgument)
			_, err = client.VendorLocations(s.As("ada"), &locationv1.VendorLocationsRequest{Sw: good, Ne: bad})
			servicetest.WantCode(t, err, codes.InvalidArgument)
		})
	}
	_, err := client.VendorLocations(s.As("ada"), &locationv1.VendorLocationsRequest{Sw: at(1, 0), Ne: at(0, 1)})
	if got := servicetest.Fields(t, err); !slices.Equal(got, []string{"sw.lat"}) {
		t.Errorf("an upside-down box: %v", got)
	}
}
