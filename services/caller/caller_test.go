package caller

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/auth"
)

func TestRequireRole(t *testing.T) {
	as := func(subject string, roles ...string) context.Context {
		return auth.NewContext(context.Background(), auth.NewPrincipal(subject, []string{"system"}, roles))
	}
	for name, test := range map[string]struct {
		ctx  context.Context
		want codes.Code
	}{
		"anonymous":    {context.Background(), codes.Unauthenticated},
		"no subject":   {as("", RoleSystem), codes.Unauthenticated},
		"no role":      {as("ada"), codes.PermissionDenied},
		"another role": {as("ada", "staff"), codes.PermissionDenied},
		"role":         {as("ada", "staff", RoleSystem), codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			if err := RequireRole(test.ctx, RoleSystem); status.Code(err) != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	if _, err := From(context.Background()); status.Code(err) != codes.Unauthenticated {
		t.Errorf("anonymous: %v", err)
	}
	ctx := auth.NewContext(context.Background(), auth.NewPrincipal("ada", nil, nil))
	if p, err := From(ctx); err != nil || p.Subject != "ada" {
		t.Errorf("%v, %v", p, err)
	}
}
