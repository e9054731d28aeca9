package vendors_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/store"
)

func (s system) getV1(t testing.TB, id string) *vendorv1.Vendor {
	t.Helper()
	got, err := s.v1.GetVendor(s.As("reader"), &vendorv1.GetVendorRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetVendor()
}

func TestV1CreateIsSeenByBothVersions(t *testing.T) {
	s := start(t)
	created, err := s.v1.CreateVendor(s.As("ada"), &vendorv1.CreateVendorRequest{
		Name: "Tacos", Description: "Best", Phone: "1", Website: "w", ImageUrl: "i",
	})
	if err != nil {
		t.Fatal(err)
	}
	v1, v2 := s.getV1(t, created.GetId()), s.get(t, created.GetId())
	wantV1 := &vendorv1.Vendor{
		Id: created.GetId(), Name: "Tacos", Description: "Best", Phone: "1", Website: "w", PrimaryImage: "i",
		CreatedAt: v2.GetCreatedAt(), UpdatedAt: v2.GetUpdatedAt(),
	}
	wantV2 := &vendorv2.Vendor{
		Id: created.GetId(), Name: "Tacos", Description: "Best", Phone: "1", Website: "w", ProfileImage: "i",
		CreatedAt: v1.GetCreatedAt(), UpdatedAt: v1.GetUpdatedAt(), Etag: "1",
	}
	if diff := cmp.Diff(wantV1, v1, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantV2, v2, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestV1PositionIsNullUntilKnown(t *testing.T) {
	s := start(t)
	id := s.create(t, "ada").GetId()
	if got := s.getV1(t, id); got.Lat != nil || got.Long != nil {
		t.Errorf("position %v %v", got.Lat, got.Long)
	}
	if err := s.Store.MoveVendor(t.Context(), "ada", id, store.Position{Lat: 0, Lng: -3.5}); err != nil {
		t.Fatal(err)
	}
	if got := s.getV1(t, id); got.Lat == nil || got.GetLat().GetValue() != 0 || got.GetLong().GetValue() != -3.5 {
		t.Errorf("position %v %v", got.Lat, got.Long)
	}
}

func TestV1UpdateChangesWhatIsGiven(t *testing.T) {
	s := start(t)
	tests := map[string]struct {
		request *vendorv1.UpdateVendorRequest
		want    func(*vendorv1.Vendor)
	}{
		"nothing":      {&vendorv1.UpdateVendorRequest{}, func(*vendorv1.Vendor) {}},
		"name":         {&vendorv1.UpdateVendorRequest{Name: new("N")}, func(v *vendorv1.Vendor) { v.Name = "N" }},
		"image":        {&vendorv1.UpdateVendorRequest{ImageUrl: new("I")}, func(v *vendorv1.Vendor) { v.PrimaryImage = "I" }},
		"open":         {&vendorv1.UpdateVendorRequest{Open: new(true)}, func(v *vendorv1.Vendor) { v.Open = true }},
		"blank phone":  {&vendorv1.UpdateVendorRequest{Phone: new("")}, func(v *vendorv1.Vendor) { v.Phone = "" }},
		"three fields": {&vendorv1.UpdateVendorRequest{Description: new("D"), Email: new("E"), Website: new("W")}, func(v *vendorv1.Vendor) { v.Description, v.Email, v.Website = "D", "E", "W" }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.request.Id = s.create(t, "ada").GetId()
			want := s.getV1(t, test.request.GetId())
			test.want(want)
			updated, err := s.v1.UpdateVendor(s.As("ada"), test.request)
			if err != nil || updated.GetMessage() != "Vendor updated" || !updated.GetSuccess() {
				t.Fatalf("%v, %v", updated, err)
			}
			ignore := protocmp.IgnoreFields(&vendorv1.Vendor{}, "updated_at")
			if diff := cmp.Diff(want, s.getV1(t, test.request.GetId()), protocmp.Transform(), ignore); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestV1Refuses(t *testing.T) {
	s := start(t)
	id := s.create(t, "ada").GetId()
	for name, err := range map[string]error{
		"create without name": call(s.v1.CreateVendor(s.As("ada"), &vendorv1.CreateVendorRequest{})),
		"blank name":          call(s.v1.UpdateVendor(s.As("ada"), &vendorv1.UpdateVendorRequest{Id: id, Name: new("")})),
		"long phone":          call(s.v1.UpdateVendor(s.As("ada"), &vendorv1.UpdateVendorRequest{Id: id, Phone: new(strings.Repeat("1", 21))})),
		"get without id":      call(s.v1.GetVendor(s.As("ada"), &vendorv1.GetVendorRequest{})),
	} {
		t.Run(name, func(t *testing.T) {
			if got := servicetest.Fields(t, err); len(got) != 1 {
				t.Errorf("fields %v", got)
			}
		})
	}
}

// call keeps of a call its error alone.
func call[T any](_ T, err error) error { return err }

func TestOnlyTheOwnerMayChange(t *testing.T) {
	s := start(t)
	created := s.create(t, "ada")
	id := created.GetId()
	const unknown = "01900000-0000-7000-8000-000000000000"
	var others []error
	for _, id := range []string{id, unknown} {
		for _, role := range []string{"", "system"} { // no role makes an owner
			eve := s.As("eve", role)
			others = append(others,
				call(s.v1.UpdateVendor(eve, &vendorv1.UpdateVendorRequest{Id: id, Name: new("Mine")})),
				call(s.v1.UpdateVendor(eve, &vendorv1.UpdateVendorRequest{Id: id})),
				call(s.v2.UpdateVendor(eve, &vendorv2.UpdateVendorRequest{Id: id, Vendor: &vendorv2.VendorChanges{Name: "Mine"}})),
				call(s.v2.DeleteVendor(eve, &vendorv2.DeleteVendorRequest{Id: id})),
			)
		}
	}
	for i, err := range others {
		servicetest.WantCode(t, err, codes.NotFound)
		// What is not there and what is another's must look the same.
		if err.Error() != others[len(others)-1].Error() {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if diff := cmp.Diff(created, s.get(t, id), protocmp.Transform()); diff != "" {
		t.Errorf("changed by somebody else:\n%s", diff)
	}
}
