package auth

import (
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

const realm = "venta"

// errMissing refuses a request without credentials. It is never changed.
var errMissing error = &apierror.Error{
	Code:    codes.Unauthenticated,
	Reason:  apierror.CredentialsMissing,
	Message: "credentials are required",
}

// bearer returns the one bearer token among the values of the Authorization
// header. Two are refused: which of them another party in between believed is not
// known.
func bearer(authorization []string) (string, error) {
	switch len(authorization) {
	case 0:
		return "", errMissing
	case 1:
	default:
		return "", invalid("more than one Authorization header", nil)
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", invalid("the Authorization header holds no bearer token", nil)
	}
	return token, nil
}

// challenge is the WWW-Authenticate header of a refusal (RFC 6750, section 3).
// No part of it comes from the request.
func challenge(err *apierror.Error, scopes []string) string {
	header := `Bearer realm="` + realm + `"`
	switch err.Reason {
	case apierror.CredentialsInvalid:
		header += `, error="invalid_token", error_description="` + err.Message + `"`
	case apierror.PermissionDenied:
		header += `, error="insufficient_scope"`
		if len(scopes) > 0 {
			header += `, scope="` + strings.Join(scopes, " ") + `"`
		}
	}
	return header
}
