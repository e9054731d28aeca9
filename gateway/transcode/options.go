package transcode

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/policy"
)

// ServiceOptions are the choices of a service's author that change its edge, as
// the plugin's options of grpc-gateway state them. The zero value is
// grpc-gateway's default.
type ServiceOptions struct {
	// StrictDeepWildcard makes "**" behind another segment take at least one
	// segment (strict_deep_wildcard).
	StrictDeepWildcard bool
	// NoPatchMask leaves a PATCH without a field mask as it is, where the default
	// makes one of the fields in its body (allow_patch_feature=false).
	NoPatchMask bool
	// PathSeparator stands between the values of a repeated field in the path
	// (repeated_path_param_separator). Default: ",".
	PathSeparator string
	// RegistrationContext makes calls in the context that the service was
	// registered with, so that a client which leaves does not end them
	// (request_context=false). It has no effect on a gateway.Gateway, whose calls
	// always end with their request.
	RegistrationContext bool
}

// Outgoing appends to keys and values, one after the other, what a call's metadata
// tells the upstream in the gateway's own name.
type Outgoing = func(ctx context.Context, pairs []string) ([]string, error)

// Conditions judge the conditions of requests (RFC 9110, section 13). Errors are
// written as they are.
type Conditions interface {
	// Admit refuses a request whose conditions nobody would judge.
	Admit(r *http.Request) error
	// Fill adds to a request's message what its conditions say.
	Fill(r *http.Request, request proto.Message) error
	// Present adds to the header of a success. notModified has it answered with 304,
	// and an error takes its place.
	Present(h http.Header, r *http.Request, response proto.Message) (notModified bool, err error)
	// Failed returns the error that is written for one of the call.
	Failed(r *http.Request, err error) error
}

// RouteOptions say how a route reads requests and presents responses.
type RouteOptions struct {
	// Mux presents messages, metadata and errors. Required.
	Mux *runtime.ServeMux
	// Response presents a success. Nil: HTTP 200.
	Response *policy.Response
	// DropIn reads requests exactly as grpc-gateway's generated handlers do, in
	// their weak points too (docs/decisions/0008-drop-in.md lists them).
	DropIn bool
	// Context, where set, is what the calls of a service with
	// RegistrationContext run in.
	Context context.Context
	// Plain says that the mux has no options of a user's for metadata and
	// responses, so that the route may do what it would do, with less work.
	Plain bool
	// Forward are the headers of a client that travel beside its Authorization and
	// what it names Grpc-Metadata-. Default: none.
	Forward []string
	// Stock sends what grpc-gateway's own handlers send, and Forward. It is for a
	// DropIn route whose responses are not stored.
	Stock bool
	// Origin returns what the upstream is told of where a request comes from: the
	// host that it was sent to, and the addresses that it came by. Nil: nothing, and
	// on a Stock route what grpc-gateway tells.
	Origin func(r *http.Request) (host, path string)
	// Outgoing, where set, adds what the gateway itself tells the upstream, in place
	// of what is there under its keys.
	// On a Stock route it sees nothing of what is there, and its keys must begin
	// with x-venta-, as no other metadata does. An error refuses the request.
	Outgoing Outgoing
	// Cached says that responses are stored: the conditions of a client's request
	// are then not the upstream's.
	Cached bool
	// CachingMetadata makes header fields of the response's metadata that tells a
	// cache what it may do: cache-control, etag, expires, last-modified and vary.
	CachingMetadata bool
	// Conditions judge what requests ask for under conditions. nil: they are passed
	// over.
	Conditions Conditions
	// Unmasked is a field of the request that a PATCH does not change, though its body
	// has it. "": none.
	Unmasked string
	// IgnoreUnknownQuery passes over query parameters that name no field of the
	// request, where the default refuses them. A drop-in route always does.
	IgnoreUnknownQuery bool
	// ReadElsewhere are query parameters that a step around the route reads. Where no
	// field has the name, they are no unknown ones.
	ReadElsewhere []string
	// PassOverUnknown passes over fields of a JSON body that the request does not have,
	// where the default refuses them.
	PassOverUnknown bool
	// MaxRequestBytes is the bound that a step before the route puts on bodies,
	// and that the route itself puts on each message of a client's stream.
	// 0: there is none.
	MaxRequestBytes int64
	// OnError, where set, is told each error that a client of the route reads, with the
	// request's context, before it is written. In the middle of a stream that may be
	// one that nobody can present any more.
	OnError func(ctx context.Context, err error)
}
