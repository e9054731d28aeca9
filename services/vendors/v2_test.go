package vendors_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
	"github.com/venta-hq/venta/services/store"
)

func TestV2CreateAndGet(t *testing.T) {
	s := start(t)
	created := s.create(t, "owner-of-tacos")
	want := &vendorv2.Vendor{
		Id: created.GetId(), Name: "Tacos", Description: "Best", Email: "tacos@example.com", Phone: "+1 555",
		Website: "https://tacos.example", ProfileImage: "https://tacos.example/i.png",
		CreatedAt: created.GetCreatedAt(), UpdatedAt: created.GetCreatedAt(), Etag: "1",
	}
	if diff := cmp.Diff(want, created, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if created.GetId() == "" || time.Since(created.GetCreatedAt().AsTime()).Abs() > time.Hour {
		t.Errorf("id %q, created at %s", created.GetId(), created.GetCreatedAt().AsTime())
	}
	got := s.get(t, created.GetId())
	if diff := cmp.Diff(created, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	if got.Coordinates != nil {
		t.Error("a position before one is known")
	}
	if strings.Contains(protojson.Format(got), "owner-of-tacos") {
		t.Error("the owner is told")
	}
}

func TestV2ShowsTheLastKnownPosition(t *testing.T) {
	s := start(t)
	created := s.create(t, "ada")
	if err := s.Store.MoveVendor(t.Context(), "ada", created.GetId(), store.Position{}); err != nil {
		t.Fatal(err)
	}
	got := s.get(t, created.GetId())
	if got.Coordinates == nil || got.GetCoordinates().GetLat() != 0 || got.GetCoordinates().GetLng() != 0 {
		t.Errorf("coordinates %v, want zero but present", got.Coordinates)
	}
}

func TestV2CreateIsStrict(t *testing.T) {
	s := start(t)
	valid := &vendorv2.CreateVendorRequest{Name: "Tacos", Email: "tacos@example.com"}
	if _, err := s.v2.CreateVendor(s.As("ada"), valid); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*vendorv2.CreateVendorRequest)
		fields []string
	}{
		"no name":          {func(r *vendorv2.CreateVendorRequest) { r.Name = "" }, []string{"name"}},
		"long name":        {func(r *vendorv2.CreateVendorRequest) { r.Name = strings.Repeat("é", 101) }, []string{"name"}},
		"longest name":     {func(r *vendorv2.CreateVendorRequest) { r.Name = strings.Repeat("é", 100) }, nil},
		"long description": {func(r *vendorv2.CreateVendorRequest) { r.Description = strings.Repeat("x", 501) }, []string{"description"}},
		"no e-mail":        {func(r *vendorv2.CreateVendorRequest) { r.Email = "" }, []string{"email"}},
		"bad e-mail":       {func(r *vendorv2.CreateVendorRequest) { r.Email = "tacos" }, []string{"email"}},
		"long phone":       {func(r *vendorv2.CreateVendorRequest) { r.Phone = strings.Repeat("1", 21) }, []string{"phone"}},
		"bad website":      {func(r *vendorv2.CreateVendorRequest) { r.Website = "tacos" }, []string{"website"}},
		"bad image":        {func(r *vendorv2.CreateVendorRequest) { r.ProfileImage = "i.png" }, []string{"profile_image"}},
		"everything": {func(r *vendorv2.CreateVendorRequest) { r.Name, r.Email, r.Website = "", "x", "x" },
			[]string{"name", "email", "website"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := proto.Clone(valid).(*vendorv2.CreateVendorRequest)
			test.change(r)
			_, err := s.v2.CreateVendor(s.As("ada"), r)
			if test.fields == nil {
				servicetest.WantCode(t, err, codes.OK)
				return
			}
			if got := servicetest.Fields(t, err); !slices.Equal(got, test.fields) {
				t.Errorf("fields %v, want %v", got, test.fields)
			}
		})
	}
}

func TestV2Update(t *testing.T) {
	s := start(t)
	all := &vendorv2.VendorChanges{
		Name: "N", Description: "D", Email: "n@example.com", Phone: "2",
		Website: "https://n.example", ProfileImage: "https://n.example/i", IsOpen: true,
	}
	tests := map[string]struct {
		changes *vendorv2.VendorChanges
		paths   []string
		want    func(*vendorv2.Vendor)
	}{
		"no mask, all set": {all, nil, func(v *vendorv2.Vendor) {
			v.Name, v.Description, v.Email, v.Phone = "N", "D", "n@example.com", "2"
			v.Website, v.ProfileImage, v.IsOpen = "https://n.example", "https://n.example/i", true
		}},
		"no mask, one set":       {&vendorv2.VendorChanges{Phone: "2"}, nil, func(v *vendorv2.Vendor) { v.Phone = "2" }},
		"no mask, nothing set":   {&vendorv2.VendorChanges{}, nil, func(*vendorv2.Vendor) {}},
		"mask keeps the rest":    {all, []string{"name"}, func(v *vendorv2.Vendor) { v.Name = "N" }},
		"mask of two":            {all, []string{"is_open", "email"}, func(v *vendorv2.Vendor) { v.IsOpen, v.Email = true, "n@example.com" }},
		"mask names one twice":   {all, []string{"phone", "phone"}, func(v *vendorv2.Vendor) { v.Phone = "2" }},
		"blanks phone":           {&vendorv2.VendorChanges{}, []string{"phone"}, func(v *vendorv2.Vendor) { v.Phone = "" }},
		"blanks the optional":    {&vendorv2.VendorChanges{}, []string{"description", "website", "profile_image"}, func(v *vendorv2.Vendor) { v.Description, v.Website, v.ProfileImage = "", "", "" }},
		"closes what was closed": {&vendorv2.VendorChanges{}, []string{"is_open"}, func(*vendorv2.Vendor) {}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			created := s.create(t, "ada")
			updated, err := s.v2.UpdateVendor(s.As("ada"), &vendorv2.UpdateVendorRequest{
				Id: created.GetId(), Vendor: test.changes, UpdateMask: &fieldmaskpb.FieldMask{Paths: test.paths},
			})
			if err != nil {
				t.Fatal(err)
			}
			want := proto.Clone(created).(*vendorv2.Vendor)
			test.want(want)
			ignore := protocmp.IgnoreFields(&vendorv2.Vendor{}, "updated_at", "etag")
			if diff := cmp.Diff(want, updated.GetVendor(), protocmp.Transform(), ignore); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(updated.GetVendor(), s.get(t, created.GetId()), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestV2UpdateRefuses(t *testing.T) {
	s := start(t)
	created := s.create(t, "ada")
	tests := map[string]struct {
		changes *vendorv2.VendorChanges
		paths   []string
		fields  []string
	}{
		"unknown path":       {&vendorv2.VendorChanges{}, []string{"colour"}, []string{"update_mask.paths[0]"}},
		"output only":        {&vendorv2.VendorChanges{}, []string{"id"}, []string{"update_mask.paths[0]"}},
		"position":           {&vendorv2.VendorChanges{}, []string{"coordinates.lat"}, []string{"update_mask.paths[0]"}},
		"everything":         {&vendorv2.VendorChanges{}, []string{"*"}, []string{"update_mask.paths[0]"}},
		"JSON name":          {&vendorv2.VendorChanges{IsOpen: true}, []string{"isOpen"}, []string{"update_mask.paths[0]"}},
		"owner":              {&vendorv2.VendorChanges{}, []string{"owner_id"}, []string{"update_mask.paths[0]"}},
		"empty path":         {&vendorv2.VendorChanges{}, []string{""}, []string{"update_mask.paths[0]"}},
		"two among good":     {&vendorv2.VendorChanges{Name: "N"}, []string{"name", "x", "created_at"}, []string{"update_mask.paths[1]", "update_mask.paths[2]"}},
		"blank name":         {&vendorv2.VendorChanges{}, []string{"name"}, []string{"vendor.name"}},
		"blank e-mail":       {&vendorv2.VendorChanges{}, []string{"email"}, []string{"vendor.email"}},
		"bad e-mail":         {&vendorv2.VendorChanges{Email: "x"}, nil, []string{"vendor.email"}},
		"long name":          {&vendorv2.VendorChanges{Name: strings.Repeat("x", 101)}, nil, []string{"vendor.name"}},
		"no changes at all":  {nil, []string{"phone"}, []string{"vendor"}},
		"unnamed but broken": {&vendorv2.VendorChanges{Website: "x"}, []string{"phone"}, []string{"vendor.website"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.v2.UpdateVendor(s.As("ada"), &vendorv2.UpdateVendorRequest{
				Id: created.GetId(), Vendor: test.changes, UpdateMask: &fieldmaskpb.FieldMask{Paths: test.paths},
			})
			if got := servicetest.Fields(t, err); !slices.Equal(got, test.fields) {
				t.Errorf("fields %v, want %v (%v)", got, test.fields, err)
			}
		})
	}
	if diff := cmp.Diff(created, s.get(t, created.GetId()), protocmp.Transform()); diff != "" {
		t.Errorf("changed by a refused update:\n%s", diff)
	}
}

func TestV2DeleteIsForGood(t *testing.T) {
	s := start(t)
	created := s.create(t, "ada")
	if _, err := s.v2.DeleteVendor(s.As("ada"), &vendorv2.DeleteVendorRequest{Id: created.GetId()}); err != nil {
		t.Fatal(err)
	}
	_, err := s.v2.GetVendor(s.As("ada"), &vendorv2.GetVendorRequest{Id: created.GetId()})
	servicetest.WantCode(t, err, codes.NotFound)
	_, err = s.v2.DeleteVendor(s.As("ada"), &vendorv2.DeleteVendorRequest{Id: created.GetId()})
	servicetest.WantCode(t, err, codes.NotFound)
}

func TestV2List(t *testing.T) {
	s := start(t)
	empty, err := s.v2.ListVendors(s.As("eve"), &vendorv2.ListVendorsRequest{})
	if err != nil || len(empty.GetVendors()) != 0 || empty.GetNextPageToken() != "" {
		t.Errorf("an empty list: %v, %v", empty, err)
	}
	var created []string
	for range 52 {
		created = append(created, s.create(t, "ada").GetId())
	}
	first, err := s.v2.ListVendors(s.As("eve"), &vendorv2.ListVendorsRequest{})
	if err != nil || len(first.GetVendors()) != 50 {
		t.Fatalf("%d vendors without a page size, %v", len(first.GetVendors()), err)
	}
	rest, err := s.v2.ListVendors(s.As("eve"), &vendorv2.ListVendorsRequest{PageSize: 200, PageToken: first.GetNextPageToken()})
	if err != nil || rest.GetNextPageToken() != "" {
		t.Fatal(rest.GetNextPageToken(), err)
	}
	var listed []string
	for _, v := range append(first.GetVendors(), rest.GetVendors()...) {
		listed = append(listed, v.GetId())
	}
	if !slices.Equal(listed, created) {
		t.Errorf("listed %v, want %v", listed, created)
	}
	for field, r := range map[string]*vendorv2.ListVendorsRequest{
		"page_token": {PageToken: first.GetNextPageToken() + "x"},
		"page_size":  {PageSize: 201},
	} {
		_, err := s.v2.ListVendors(s.As("eve"), r)
		if got := servicetest.Fields(t, err); !slices.Equal(got, []string{field}) {
			t.Errorf("fields %v, want %s", got, field)
		}
	}
	_, err = s.v2.ListVendors(s.As("eve"), &vendorv2.ListVendorsRequest{PageSize: -1})
	servicetest.WantCode(t, err, codes.InvalidArgument)
}
