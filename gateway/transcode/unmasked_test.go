package transcode_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/transcode"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// TestUnmasked holds that a mask which is made of a PATCH's body leaves a field out,
// and that one of the client's own stays as it is.
func TestUnmasked(t *testing.T) {
	tests := []struct {
		unmasked, target string
		want             []string
	}{
		{"", "/v2/vendors/7", []string{"email", "name"}},
		{"vendor.email", "/v2/vendors/7", []string{"name"}},
		{"email", "/v2/vendors/7", []string{"email", "name"}}, // it is beside the body
		{"vendor.email", "/v2/vendors/7?updateMask=email,name", []string{"email", "name"}},
	}
	for _, test := range tests {
		e := &edge{
			method: updateVendor, unmasked: test.unmasked,
			binding: transcode.Binding{Verb: "PATCH", Path: "/v2/vendors/{id}", Body: "vendor"},
		}
		e.serve(t, func() *http.Request {
			return httptest.NewRequest("PATCH", test.target, strings.NewReader(`{"name":"Ada","email":"a@example.com"}`))
		})
		paths := e.called.(*vendorv2.UpdateVendorRequest).GetUpdateMask().GetPaths()
		if slices.Sort(paths); !slices.Equal(paths, test.want) || e.called.(*vendorv2.UpdateVendorRequest).GetVendor().GetEmail() == "" {
			t.Errorf("%q, %s: %q, want %q", test.unmasked, test.target, paths, test.want)
		}
	}
}
