package vendors

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/fault"
	"github.com/venta-hq/venta/services/store"
)

// changesOf returns the fields that the mask names (AIP-134), or those that are
// set where it names none. Every path that is not a field of VendorChanges is
// reported.
func changesOf(v *vendorv2.VendorChanges, paths []string) (store.Changes, error) {
	if len(paths) == 0 {
		return setFields(v), nil
	}
	var changes store.Changes
	var violations []*errdetails.BadRequest_FieldViolation
	for i, path := range paths {
		if !change(&changes, v, path) {
			violations = append(violations, &errdetails.BadRequest_FieldViolation{
				Field:       fmt.Sprintf("update_mask.paths[%d]", i),
				Description: fmt.Sprintf("%q is not a field that can be changed", path),
			})
		}
	}
	if len(violations) > 0 {
		return store.Changes{}, fault.InvalidFields("update_mask: "+violations[0].Description, violations...)
	}
	return changes, nil
}

// change takes over one field, and reports whether there is such a field.
func change(c *store.Changes, v *vendorv2.VendorChanges, path string) bool {
	switch path {
	case "name":
		c.Name = &v.Name
	case "description":
		c.Description = &v.Description
	case "email":
		c.Email = &v.Email
	case "phone":
		c.Phone = &v.Phone
	case "website":
		c.Website = &v.Website
	case "profile_image":
		c.ProfileImage = &v.ProfileImage
	case "is_open":
		c.Open = &v.IsOpen
	default:
		return false
	}
	return true
}

func setFields(v *vendorv2.VendorChanges) store.Changes {
	c := store.Changes{
		Name:         set(v.GetName()),
		Description:  set(v.GetDescription()),
		Email:        set(v.GetEmail()),
		Phone:        set(v.GetPhone()),
		Website:      set(v.GetWebsite()),
		ProfileImage: set(v.GetProfileImage()),
	}
	if open := v.GetIsOpen(); open {
		c.Open = &open
	}
	return c
}

// set returns nil for a field that is not set.
func set(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
