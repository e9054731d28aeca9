package vendors_test

import (
	"fmt"
	"sync"
	"testing"

	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

// Two servers on one file stand for two processes.
func TestWritersOfTwoServers(t *testing.T) {
	place := servicetest.NewPlace(t)
	systems := []system{
		clients(servicetest.StartAt(t, place, register)),
		clients(servicetest.StartAt(t, place, register)),
	}
	id := systems[0].create(t, "ada").GetId()
	var group sync.WaitGroup
	for i := range 24 {
		s, text := systems[i%2], fmt.Sprint(i)
		ctx := s.As("ada")
		group.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = s.v1.UpdateVendor(ctx, &vendorv1.UpdateVendorRequest{Id: id, Phone: new(text)})
			case 1:
				_, err = s.v2.UpdateVendor(ctx, &vendorv2.UpdateVendorRequest{Id: id, Vendor: &vendorv2.VendorChanges{Description: text}})
			default:
				_, err = s.v2.CreateVendor(ctx, &vendorv2.CreateVendorRequest{Name: text, Email: "a@example.com"})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, s := range systems {
		list, err := s.v2.ListVendors(s.As("eve"), &vendorv2.ListVendorsRequest{})
		if err != nil || len(list.GetVendors()) != 9 {
			t.Errorf("%d vendors, %v", len(list.GetVendors()), err)
		}
		got := s.get(t, id)
		if got.GetPhone() == "+1 555" || got.GetDescription() == "Best" || got.GetName() != "Tacos" {
			t.Errorf("a change was lost: %v", got)
		}
	}
}

// A page token of one process is honoured by another.
func TestPageTokensOfTwoServers(t *testing.T) {
	place := servicetest.NewPlace(t)
	one := clients(servicetest.StartAt(t, place, register))
	two := clients(servicetest.StartAt(t, place, register))
	one.create(t, "ada")
	newest := two.create(t, "ada")
	page, err := one.v2.ListVendors(one.As("eve"), &vendorv2.ListVendorsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	page, err = two.v2.ListVendors(two.As("eve"), &vendorv2.ListVendorsRequest{PageSize: 1, PageToken: page.GetNextPageToken()})
	if err != nil || len(page.GetVendors()) != 1 || page.GetVendors()[0].GetId() != newest.GetId() {
		t.Errorf("%v, %v", page, err)
	}
}
