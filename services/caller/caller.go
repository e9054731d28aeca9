// Package caller tells a service who calls it.
package caller

import (
	"context"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/services/fault"
)

// RoleSystem is the role of systems that report what happened, such as the
// receiver of webhooks.
const RoleSystem = "system"

// From returns the caller, or UNAUTHENTICATED for an anonymous call.
func From(ctx context.Context) (auth.Principal, error) {
	principal, ok := auth.FromContext(ctx)
	if !ok || principal.Subject == "" {
		return auth.Principal{}, fault.Unauthenticated("credentials are required")
	}
	return principal, nil
}

// RequireRole returns nil for a caller with the role, PERMISSION_DENIED for
// another and UNAUTHENTICATED for an anonymous call.
func RequireRole(ctx context.Context, role string) error {
	principal, err := From(ctx)
	if err != nil {
		return err
	}
	if !principal.HasRole(role) {
		return fault.RoleMissing()
	}
	return nil
}
