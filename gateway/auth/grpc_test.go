package auth

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/apierror"
)

func TestServerAuth(t *testing.T) {
	s := newSigner(t)
	check := ServerAuth(s.verifier())
	good := "Bearer " + s.token(claims(nil))
	incoming := func(pairs ...string) context.Context {
		return metadata.NewIncomingContext(context.Background(), metadata.Pairs(pairs...))
	}
	ctx, err := check(incoming("authorization", good))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := FromContext(ctx); !ok || p.Subject != "user-1" {
		t.Errorf("principal %+v %t", p, ok)
	}
	refused := map[string]struct {
		ctx    context.Context
		reason apierror.Reason
	}{
		"no metadata": {context.Background(), apierror.CredentialsMissing},
		"none":        {incoming(), apierror.CredentialsMissing},
		"two":         {incoming("authorization", good, "authorization", good), apierror.CredentialsInvalid},
		"wrong":       {incoming("authorization", "Bearer x.y.z"), apierror.CredentialsInvalid},
		"other name":  {incoming("grpcgateway-authorization", good), apierror.CredentialsMissing},
	}
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			ctx, err := check(test.ctx)
			refusal(t, err, codes.Unauthenticated, test.reason)
			if ctx != nil {
				t.Error("a context for a refused call")
			}
		})
	}
}
