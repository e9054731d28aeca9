// Package caller tells a service who calls it.
package caller

import (
	"context"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/services/fault"
)

// RoleSystem is the role of systems that report what happened.
const RoleSystem = "system"

// From returns the caller, or UNAUTHENTICATED for an anonymous call.
func From(ctx context.Context) (auth.Principal, error) {
	principal, ok := auth.FromContext(ctx)
	if !ok || principal.Subject == "" {
		return auth.Principal{}, fault.Unauthenticated("credentials are required")
	}
	return principal, nil
}

// RequireReporter returns nil for a system that reports what happened: the sender of
// deliveries that the gateway has verified with the webhook's secret of that name, or a
// caller with [RoleSystem]. Others get what RequireRole returns.
func RequireReporter(ctx context.Context, secret string) error {
	principal, err := From(ctx)
	if err == nil && principal.Scheme() == auth.SchemeWebhook && principal.Subject == secret {
		return nil
	}
	return RequireRole(ctx, RoleSystem)
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
