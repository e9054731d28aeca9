package transcode

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/transcode/wirejson"
)

// passThrough turns an upstream's wire bytes into JSON without building the
// message between them.
type passThrough struct {
	marshaler runtime.Marshaler // whose JSON the encoder writes
	encoder   *wirejson.Encoder
	options   []grpc.CallOption
}

// PassingThrough returns the route with responses passed from wire to JSON, where
// the mux presents them in a way that this can equal; else the route itself.
// Interceptors on the connection then see a [*Frame] instead of the typed
// response.
func (rt *Route) PassingThrough() (*Route, error) {
	if len(rt.mux.GetForwardResponseOptions()) > 0 || rewrites(rt.mux) {
		return rt, nil // somebody wants to see the message
	}
	_, marshaler := runtime.MarshalerForRequest(rt.mux, &http.Request{Header: http.Header{}})
	options, ok := jsonOptions(marshaler, rt.present.omitNull)
	if !ok || rt.respondsHTTPBody() || rt.present.body != nil && rt.present.bodyField == nil {
		return rt, nil
	}
	encoder, err := rt.encoder(options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rt.method.FullName, err)
	}
	passing := *rt
	passing.passThrough = &passThrough{
		marshaler: marshaler,
		encoder:   encoder,
		options:   []grpc.CallOption{grpc.ForceCodecV2(newFrameCodec())},
	}
	return &passing, nil
}

func (rt *Route) encoder(options wirejson.Options) (*wirejson.Encoder, error) {
	md := descriptor(rt.method.Call.NewResponse())
	if rt.present.bodyField != nil {
		return wirejson.CompileField(rt.present.bodyField, options)
	}
	return wirejson.Compile(md, options)
}

// respondsHTTPBody reports whether the HTTP body is a google.api.HttpBody, which
// is presented as what it holds.
func (rt *Route) respondsHTTPBody() bool {
	md := descriptor(rt.method.Call.NewResponse())
	if field := rt.present.bodyField; field != nil {
		md = field.Message()
	}
	return isHTTPBody(md)
}

// jsonOptions returns the options of a marshaler that writes plain protojson.
func jsonOptions(m runtime.Marshaler, omitNull bool) (wirejson.Options, bool) {
	if body, ok := m.(*runtime.HTTPBodyMarshaler); ok {
		m = body.Marshaler
	}
	j, ok := m.(*runtime.JSONPb)
	if !ok || j.Multiline || j.Indent != "" || j.MarshalOptions.AllowPartial {
		return wirejson.Options{}, false
	}
	o := wirejson.Options{
		UseProtoNames:     j.UseProtoNames,
		UseEnumNumbers:    j.UseEnumNumbers,
		EmitUnpopulated:   j.EmitUnpopulated,
		EmitDefaultValues: j.EmitDefaultValues,
		Resolver:          j.MarshalOptions.Resolver,
	}
	if omitNull && o.EmitUnpopulated {
		o.EmitUnpopulated, o.EmitDefaultValues = false, true
	}
	return o, true
}

// rewrites reports whether the mux has a response rewriter of its user's. The
// mux does not tell; its field is compared with that of a mux without options,
// and what cannot be compared counts as a rewriter.
func rewrites(mux *runtime.ServeMux) bool {
	const field = "forwardResponseRewriter"
	mine := reflect.ValueOf(mux).Elem().FieldByName(field)
	stock := reflect.ValueOf(runtime.NewServeMux()).Elem().FieldByName(field)
	if !mine.IsValid() || mine.Kind() != reflect.Func {
		return true
	}
	return mine.Pointer() != stock.Pointer()
}

// buffers holds room for JSON between requests. Larger buffers are left to the
// garbage collector, so that one large response does not stay in memory.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const largestKept = 256 << 10

// write encodes the frame and sends it.
func (p *passThrough) write(ctx context.Context, rt *Route, w http.ResponseWriter, r *http.Request, frame *Frame) {
	buffer := buffers.Get().(*[]byte)
	encoded, err := p.encoder.Append((*buffer)[:0], frame.Wire())
	if err != nil {
		w.Header().Del("Etag") // it is of a success
		rt.writeError(ctx, w, r, unpresentable(err))
		return
	}
	if rt.options.Plain {
		rt.writePlain(ctx, w, encoded, frame)
	} else {
		rt.forward(ctx, encodedJSON{p.marshaler, encoded}, w, r, frame)
	}
	if cap(encoded) <= largestKept {
		*buffer = encoded
		buffers.Put(buffer)
	}
}

// jsonType is shared by all responses; an Add finds no room in it and copies.
var jsonType = []string{"application/json"}

// sniffed is how much of a response net/http holds back; a shorter one gets its
// Content-Length from there.
const sniffed = 2 << 10

// writePlain sends JSON to a client for whom the mux has nothing to add.
func (rt *Route) writePlain(ctx context.Context, w http.ResponseWriter, encoded []byte, frame *Frame) {
	h := w.Header()
	h["Content-Type"] = jsonType
	if rt.present.status == http.StatusNoContent {
		encoded = nil
	} else if len(encoded) > sniffed {
		h.Set("Content-Length", strconv.Itoa(len(encoded)))
	}
	if rt.present.status != http.StatusOK || rt.present.location != nil {
		_ = rt.present.head(ctx, w, frame) // it has no error
	}
	frame.free()            // a client may take its time
	_, _ = w.Write(encoded) // a client that has left reads no error either
}

// encodedJSON presents a message as JSON that is ready.
type encodedJSON struct {
	runtime.Marshaler
	json []byte
}

// Marshal implements runtime.Marshaler.
func (e encodedJSON) Marshal(any) ([]byte, error) { return e.json, nil }

// ContentType implements runtime.Marshaler; what is no HttpBody is JSON.
func (e encodedJSON) ContentType(any) string { return "application/json" }

var _ proto.Message = (*Frame)(nil)
