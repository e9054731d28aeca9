package auth

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// Verifier verifies bearer tokens (RFC 6750). [JWT] is one; a program may bring
// its own, such as one that asks an authorization server (RFC 7662).
//
// Verify returns whom the token speaks for. The principal may be shared between
// requests and must not be changed. An error that is an [*apierror.Error] is the
// response, such as UNAVAILABLE while the issuer is not reached; of any other the
// client learns only that its credentials are not valid, and the log the rest.
// Verify runs concurrently and should remember what it learns: it is called for
// each request, and ends with ctx.
type Verifier interface {
	Verify(ctx context.Context, token string) (*Principal, error)
}

// KeyVerifier verifies API keys. [APIKeys] is one. VerifyKey is to a key of at
// most 1 KiB what [Verifier] Verify is to a token. A principal without a
// [Principal.KeyID] is counted by its subject in limits by API key.
type KeyVerifier interface {
	VerifyKey(ctx context.Context, key string) (*Principal, error)
}

// verified returns what a verifier said. Nothing that it may return lets a
// request pass that has no principal.
func verified(p *Principal, err error) (*Principal, error) {
	switch {
	case err == nil && p == nil:
		return nil, &apierror.Error{
			Code: codes.Internal, Reason: apierror.Internal, Message: "the credentials could not be checked",
			Cause: errors.New("auth: the verifier returned neither a principal nor an error"),
		}
	case err != nil && apierror.As(err) == nil:
		return nil, invalid("the credentials are not valid", err)
	case err != nil:
		return nil, err
	default:
		return p, nil
	}
}

func invalid(message string, cause error) error {
	return &apierror.Error{
		Code:    codes.Unauthenticated,
		Reason:  apierror.CredentialsInvalid,
		Message: message,
		Cause:   cause,
	}
}
