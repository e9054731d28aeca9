// Package forward decides what of a client's header reaches an upstream, under
// which metadata key, and within which bounds. It is pure: rules over names and
// values, the same for every path that a call can take.
//
// What a client chose travels by an allow-list alone: Authorization, which services
// verify, headers that an author or operator has listed, and Grpc-Metadata-NAME,
// unless NAME is [Reserved]. What travels so is in the key of a stored response or
// keeps the request from the cache; who adds to the list adds to the key.
package forward
