// Package cache is a shared HTTP cache (RFC 9111) that stands before any
// http.Handler and purges what it stores by tags.
//
// # What is shared
//
// A stored response is found again by the method's name and policy, the host, the
// principal where the audience asks for it, the rule's key, what the rule says is
// forwarded, and the request header fields that the rule and the response vary on. They are compared one by
// one, so that no value can be mistaken for a part of another. What none of
// them names must not change a response.
//
// # Purging
//
// Tags are not kept. Each hashes to one of a fixed number of counters; an entry
// remembers what its tags' counters showed before the upstream was called, and
// is served only while they still show it. [Store.Purge] increments counters:
// its cost does not grow with what is stored, a response that was read before a
// purge and arrives after it is never served again, and two tags that meet in
// one counter purge each other's entries, which costs a miss and nothing else.
//
// A write to a URI purges what is stored of that URI, too ([Store.InvalidateTargets];
// RFC 9111, section 4.4).
//
// # What is newer
//
// Of two responses that the same request selects the one that was requested later
// counts, in whatever order they come: here, in level 2, from refreshes and from
// flights that others wait for. A newer response that cannot be stored (no-store,
// private, a cookie, a redirect, most of 4xx) takes the place of the older one all the
// same: that is served neither as a hit nor in place of a failure. What is about one
// request or moment (408, 412, 429, 5xx and the like) takes no place, nor does the
// response to a request whose credentials it may be about. Who asks for a response
// that could not be stored a moment ago waits for nobody else's.
//
// # Before a plain proxy
//
// [Rule].Proxy says that the origin speaks HTTP for itself: then what it says goes
// before the policy. See the example.
//
// # Staleness
//
// Within the policy's window a response that is no longer fresh is served at once,
// as a hit with a negative ttl, while one request in the background refreshes it
// (RFC 5861, section 3). That request is a copy of the client's, in its name; it
// outlives its client, and is bounded in time and number. Responses whose
// directives forbid it (must-revalidate, proxy-revalidate, s-maxage) are never
// served stale, and the windows that a response states shorten the policy's and
// never lengthen them.
//
// # Credentials
//
// The response to a request with credentials is shared as the audience says.
// Where nobody has stated one it is not stored, unless the response allows that:
// see [Rule].AuthRequired.
package cache

// How the package is laid out, along a request's path. Each file uses those of
// its own row or below, none above, and no two use each other:
//
//	handler.go, shadow.go, invalidate.go, purgehandler.go   where requests enter
//	refresh.go, collapse.go                                 who fetches, and who waits
//	fetch.go                                                from level 2, else from the upstream
//	capture.go, revalidate.go                               the upstream's response, as it comes
//	exchange.go, level2.go                                  what becomes of it, here and elsewhere
//	serve.go, encode.go                                     a stored response, to a client
//	lookup.go, key.go, stale.go, storability.go             what rule, request and response decide
//	route.go, audience.go, status.go, fate.go, store.go     what all of them share
//	rule.go, options.go, remote.go, encoder.go, event.go    what a user says, and is told
//
// internal/rfc9111 has the rules of the standard as pure functions,
// internal/memory what is stored, internal/flight the requests that others wait
// for, and internal/entry the form in which level 2 stores a response.
