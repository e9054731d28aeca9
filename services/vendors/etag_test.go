package vendors_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

func changed(name string) *vendorv2.VendorChanges { return &vendorv2.VendorChanges{Name: name} }

// TestEtag holds that a change of a version that has passed changes nothing.
func TestEtag(t *testing.T) {
	s := start(t)
	made := s.create(t, "ada")
	id, first := made.GetId(), made.GetEtag()
	if first == "" || s.get(t, id).GetEtag() != first {
		t.Fatalf("created with the etag %q, read with %q", first, s.get(t, id).GetEtag())
	}
	updated, err := s.v2.UpdateVendor(s.As("ada"), &vendorv2.UpdateVendorRequest{Id: id, Vendor: changed("One"), Etag: first})
	if err != nil {
		t.Fatal(err)
	}
	second := updated.GetVendor().GetEtag()
	if second == first || s.get(t, id).GetEtag() != second {
		t.Errorf("%q after %q, read as %q", second, first, s.get(t, id).GetEtag())
	}
	if _, err := s.v1.UpdateVendor(s.As("ada"), &vendorv1.UpdateVendorRequest{Id: id, Phone: new("1")}); err != nil {
		t.Fatal(err) // v1 knows no versions, and makes one
	}
	third := s.get(t, id).GetEtag()
	for _, etag := range []string{first, second, "x", "-1", "0", third + " ", "0" + third, `"` + third + `"`} {
		for _, changes := range []*vendorv2.VendorChanges{changed("Lost"), {}} {
			_, err := s.v2.UpdateVendor(s.As("ada"), &vendorv2.UpdateVendorRequest{Id: id, Vendor: changes, Etag: etag})
			wantStatus(t, etag, err, codes.Aborted)
		}
		_, err := s.v2.DeleteVendor(s.As("ada"), &vendorv2.DeleteVendorRequest{Id: id, Etag: etag})
		wantStatus(t, etag, err, codes.Aborted)
	}
	if got := s.get(t, id); got.GetName() != "One" || got.GetEtag() != third {
		t.Errorf("changed to %v", got)
	}
	_, err = s.v2.UpdateVendor(s.As("eve"), &vendorv2.UpdateVendorRequest{Id: id, Vendor: changed("Eve"), Etag: third})
	wantStatus(t, "of another owner", err, codes.NotFound)
	if _, err := s.v2.DeleteVendor(s.As("ada"), &vendorv2.DeleteVendorRequest{Id: id, Etag: third}); err != nil {
		t.Error(err)
	}
	_, err = s.v2.DeleteVendor(s.As("ada"), &vendorv2.DeleteVendorRequest{Id: id, Etag: third})
	wantStatus(t, "deleted", err, codes.NotFound)
}

func wantStatus(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("%q: %v, want %v", what, err, want)
	}
}

// TestOneOfManyWritersWins holds that of those who change one version, through
// whatever process, one does.
func TestOneOfManyWritersWins(t *testing.T) {
	place := servicetest.NewPlace(t)
	systems := []system{
		clients(servicetest.StartAt(t, place, register)),
		clients(servicetest.StartAt(t, place, register)),
	}
	made := systems[0].create(t, "ada")
	var won atomic.Int64
	var group sync.WaitGroup
	for i := range 16 {
		s := systems[i%2]
		ctx := s.As("ada")
		group.Go(func() {
			_, err := s.v2.UpdateVendor(ctx, &vendorv2.UpdateVendorRequest{
				Id: made.GetId(), Vendor: changed(fmt.Sprint(i)), Etag: made.GetEtag(),
			})
			switch status.Code(err) {
			case codes.OK:
				won.Add(1)
			case codes.Aborted:
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 writers have changed one version", won.Load())
	}
}
