// Package identity tells upstreams who the caller is that the gateway has verified:
// as metadata of the call, or as a signed token.
//
// [Writer] writes either. As metadata it is
//
//	x-venta-subject   whom the credentials speak for
//	x-venta-scheme    their kind: "bearer", "api-key", "webhook" or a verifier's own
//	x-venta-issuer    who vouches for the subject; not with API keys
//	x-venta-key-id    the id of the API key
//	x-venta-scopes    the scopes, with a space between two
//	x-venta-roles     the roles, with a space between two
//	x-venta-claims    the chosen claims, as a JSON object in ASCII
//
// where everything but printable ASCII, and each space, comma and percent sign in a value, is
// percent-encoded (RFC 3986, section 2.1) in all but the last. Nothing is written of what the caller
// does not have. No client can send metadata of these names through the gateway;
// whoever reaches the upstream directly can. An upstream that others reach should
// demand the token of [Signer], which says the same, for one upstream, for at most a
// minute.
package identity
