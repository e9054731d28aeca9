package auth

import (
	"context"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// maxAPIKeySize bounds what a request may present, in bytes.
const maxAPIKeySize = 1024

// credentials finds and checks what a request presents, of the schemes that the
// policy accepts.
func (g *guard) credentials(ctx context.Context, authorization, keys []string) (*Principal, error) {
	byKey := len(keys) > 0 && g.policy.Accepts(policy.SchemeAPIKey)
	byToken := len(authorization) > 0 && g.policy.Accepts(policy.SchemeBearer)
	switch {
	case byKey && byToken:
		return nil, invalid("the request has a token and an API key; send one of them", nil)
	case byKey:
		return authenticateKey(ctx, g.options.APIKeys, keys)
	case byToken:
		return authenticate(ctx, g.options.Verifier, authorization)
	default:
		return nil, errMissing
	}
}

// authenticate verifies the one token among a request's header values.
func authenticate(ctx context.Context, v Verifier, authorization []string) (*Principal, error) {
	token, err := bearer(authorization)
	if err != nil {
		return nil, err
	}
	p, err := verified(v.Verify(ctx, token))
	return withScheme(p, err, SchemeBearer)
}

// authenticateKey verifies the one API key among a request's header values.
func authenticateKey(ctx context.Context, v KeyVerifier, presented []string) (*Principal, error) {
	if len(presented) > 1 {
		return nil, invalid("more than one "+APIKeyHeader+" header", nil)
	}
	if len(presented[0]) > maxAPIKeySize {
		return nil, invalid("the API key is too long", nil)
	}
	p, err := verified(v.VerifyKey(ctx, presented[0]))
	return withScheme(p, err, SchemeAPIKey)
}

// challenge is the WWW-Authenticate header of a refusal, or "" where other
// credentials would not help. API keys have no registered scheme; theirs names
// the header's kind.
func (g *guard) challenge(err *apierror.Error) string {
	switch {
	case err.Code != codes.Unauthenticated && err.Code != codes.PermissionDenied:
		return ""
	case !g.policy.Accepts(policy.SchemeBearer):
		return `ApiKey realm="` + realm + `"`
	default:
		return challenge(err, g.policy.Scopes)
	}
}
