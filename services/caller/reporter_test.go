package caller_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/services/caller"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

func TestRequireReporter(t *testing.T) {
	for name, test := range map[string]struct {
		principal auth.Principal
		code      codes.Code
	}{
		"the sender":          {auth.NewPrincipal("shop", nil, nil).WithScheme(auth.SchemeWebhook), codes.OK},
		"another sender":      {auth.NewPrincipal("other", nil, nil).WithScheme(auth.SchemeWebhook), codes.PermissionDenied},
		"a user of that name": {auth.NewPrincipal("shop", nil, nil).WithScheme(auth.SchemeBearer), codes.PermissionDenied},
		"a system":            {auth.NewPrincipal("any", nil, []string{caller.RoleSystem}), codes.OK},
		"nobody":              {auth.Principal{}, codes.Unauthenticated},
	} {
		err := caller.RequireReporter(auth.NewContext(t.Context(), test.principal), "shop")
		if test.code == codes.OK && err == nil {
			continue
		}
		t.Run(name, func(t *testing.T) { servicetest.WantCode(t, err, test.code) })
	}
}
