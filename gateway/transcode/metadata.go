package transcode

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/internal/forward"
)

// The metadata of every call is composed here, whatever path it takes:
//
//   - what the program chose by a mux of its own, which is in the key of a stored
//     response ([Exchange.ProgramKey]),
//   - what the client chose, by the allow-list (forward.Rule),
//   - what the gateway writes: where the request comes from (Origin), and Outgoing.
//
// A Stock route sends what grpc-gateway's own handlers send in place of the first
// two, without what belongs to a connection.

// NoHeader is a header matcher of grpc-gateway by which no header travels. A mux
// that has it, and no metadata annotators, has nothing to add to the allow-list.
func NoHeader(string) (string, bool) { return "", false }

// bare annotates contexts and adds no metadata of its own.
var bare = runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(NoHeader))

// programMux returns what makes metadata by the functions of the program's own that
// a mux has, and nothing by grpc-gateway's defaults; nil where there are none.
// matches tells that one of them is a header matcher. The mux does not tell; its
// fields are looked at, and what cannot be compared counts as the program's.
func programMux(mux *runtime.ServeMux, dropIn bool) (program *runtime.ServeMux, matches bool) {
	switch matches = programMatches(mux, dropIn); {
	case matches:
		return mux, true
	case !programAnnotates(mux):
		return nil, false
	}
	silent := *mux
	runtime.WithIncomingHeaderMatcher(NoHeader)(&silent)
	return &silent, false
}

func programMatches(mux *runtime.ServeMux, dropIn bool) bool {
	standard := runtime.HeaderMatcherFunc(NoHeader)
	if dropIn {
		standard = runtime.DefaultHeaderMatcher
	}
	matcher := reflect.ValueOf(mux).Elem().FieldByName("incomingHeaderMatcher")
	return !matcher.IsValid() || matcher.Kind() != reflect.Func || matcher.Pointer() != reflect.ValueOf(standard).Pointer()
}

func programAnnotates(mux *runtime.ServeMux) bool {
	annotators := reflect.ValueOf(mux).Elem().FieldByName("metadataAnnotators")
	return !annotators.IsValid() || annotators.Kind() != reflect.Slice || annotators.Len() > 0
}

// compose returns the context of a request's call, with its metadata and, of a
// Grpc-Timeout, its deadline.
func (rt *Route) compose(base context.Context, r *http.Request) (ctx context.Context, cancel context.CancelFunc, err error) {
	switch {
	case rt.options.Stock:
		ctx, err = rt.composeStock(base, r)
		return ctx, func() {}, err
	case rt.options.Plain:
		pairs, err := rt.rule.Append(make([]string, 0, 16), r.Header)
		if err != nil {
			return nil, nil, err
		}
		if pairs, err = rt.written(base, pairs, r); err != nil {
			return nil, nil, err
		}
		return withTimeout(metadata.AppendToOutgoingContext(base, pairs...), r)
	default:
		ctx, err = rt.composeMuxed(base, r)
		return ctx, func() {}, err
	}
}

// written appends what the gateway itself tells.
func (rt *Route) written(ctx context.Context, pairs []string, r *http.Request) ([]string, error) {
	if rt.options.Origin != nil {
		host, path := rt.options.Origin(r)
		if host != "" {
			pairs = append(pairs, "x-forwarded-host", host)
		}
		if path != "" {
			pairs = append(pairs, "x-forwarded-for", path)
		}
	}
	if rt.options.Outgoing == nil {
		return pairs, nil
	}
	return rt.options.Outgoing(ctx, pairs)
}

// composeMuxed composes where the mux may have something of the program's own: a
// context that its functions know, and their metadata.
func (rt *Route) composeMuxed(base context.Context, r *http.Request) (context.Context, error) {
	ctx, err := rt.annotate(base, bare, r)
	if err != nil {
		return nil, err
	}
	program, err := FromContext(base).ofProgram(base, r)
	if err != nil {
		return nil, err
	}
	client, err := rt.rule.Append(make([]string, 0, 16), r.Header)
	if err != nil {
		return nil, err
	}
	if rt.matches { // the program's matcher has decided about the rest
		client, _ = rt.rule.AppendListed(client[:0], r.Header)
	}
	pairs := forward.AppendAbsent(append(make([]string, 0, 32), program...), client)
	before, _ := metadata.FromOutgoingContext(base) // of a step in front
	ctx = metadata.NewOutgoingContext(ctx, before)
	if pairs, err = rt.written(ctx, pairs, r); err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...), nil
}

// composeStock composes as grpc-gateway's own handlers do, and adds what is listed.
func (rt *Route) composeStock(base context.Context, r *http.Request) (context.Context, error) {
	ctx, err := rt.annotate(base, rt.mux, withHeader(r, forward.VisibleToStock(r.Header)))
	if err != nil {
		return nil, err
	}
	listed, err := rt.rule.AppendListed(nil, r.Header)
	if err != nil {
		return nil, err
	}
	if rt.program != nil || len(listed) > 0 { // else the mux has added nothing but headers
		md, _ := metadata.FromOutgoingContext(ctx)
		ctx = metadata.NewOutgoingContext(ctx, nil)
		ctx = metadata.AppendToOutgoingContext(ctx, forward.AppendAbsent(forward.OfStock(md), listed)...)
	}
	written, err := rt.written(ctx, nil, r)
	if err != nil || len(written) == 0 {
		return ctx, err
	}
	return metadata.AppendToOutgoingContext(ctx, written...), nil
}

func (rt *Route) annotate(ctx context.Context, mux *runtime.ServeMux, r *http.Request) (context.Context, error) {
	return runtime.AnnotateContext(ctx, mux, r, rt.rpcName, runtime.WithHTTPPathPattern(rt.binding.Path))
}

// programMetadata returns what the program's mux makes of a request.
func (rt *Route) programMetadata(base context.Context, r *http.Request) ([]string, error) {
	if rt.program == nil {
		return nil, nil
	}
	ctx, err := rt.annotate(base, rt.program, withHeader(r, forward.Visible(r.Header, rt.options.Cached)))
	if err != nil {
		return nil, err
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	return forward.OfProgram(md), nil
}

// withHeader returns the request with another header, or itself.
func withHeader(r *http.Request, h http.Header) *http.Request {
	if len(h) == len(r.Header) { // nothing was taken out
		return r
	}
	with := *r
	with.Header = h
	return &with
}

// program is what the program's mux has made of one request.
type program struct {
	pairs []string
	err   error
}

// Shape names the form of the responses that the exchange's route gives, among those
// of its RPC's other routes.
func (x *Exchange) Shape() string { return x.Route.binding.ResponseBody }

// ofProgram asks the program's functions once for a request, as what they say need
// not be the same twice.
func (x *Exchange) ofProgram(ctx context.Context, r *http.Request) ([]string, error) {
	if x.Route.program == nil {
		return nil, nil
	}
	if x.program == nil {
		pairs, err := x.Route.programMetadata(ctx, r)
		x.program = &program{pairs, err}
	}
	return x.program.pairs, x.program.err
}

// ProgramKey returns what the program's own functions and steps let the upstream
// see of a request, as a text for the key of a stored response; "" is nothing.
// Credentials are in it unless the audience speaks for whatever they are (stated), or
// they are the client's own. The error is for the client.
func (x *Exchange) ProgramKey(r *http.Request, stated bool) (string, error) {
	ctx := r.Context()
	key := ""
	spokenFor := func(credentials string) bool {
		return stated || slices.Contains(r.Header["Authorization"], credentials)
	}
	if before, ok := metadata.FromOutgoingContext(ctx); ok && !x.Route.options.Stock {
		key = forward.CacheKey(forward.OfStock(before), spokenFor)
	}
	pairs, err := x.ofProgram(x.Route.valuesContext(ctx), r)
	if err != nil {
		return "", x.Route.unsendable(err)
	}
	if chosen := forward.CacheKey(pairs, spokenFor); chosen != "" {
		key += "\x00" + chosen
	}
	return key, nil
}
