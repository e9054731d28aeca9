package transcode

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

// presentation says how a successful response is presented.
type presentation struct {
	status    int
	location  *Template
	omitNull  bool
	bodyField protoreflect.FieldDescriptor // nil: the whole message
	body      func(proto.Message) any      // the body field's value
}

func newPresentation(response proto.Message, bodyField string, p *policy.Response) (presentation, error) {
	a := presentation{status: http.StatusOK}
	md := descriptor(response)
	if err := a.selectBody(response, bodyField); err != nil || p == nil {
		return a, err
	}
	if p.Status != 0 {
		a.status = p.Status
	}
	a.omitNull = p.OmitNull
	if p.Location == "" {
		return a, nil
	}
	var err error
	a.location, err = ParseTemplate(md, p.Location)
	return a, err
}

// selectBody finds the field that is the HTTP body; "" is the whole message.
func (a *presentation) selectBody(response proto.Message, path string) error {
	if path == "" {
		return nil
	}
	way, field, err := fieldAt(descriptor(response), path)
	if err != nil {
		return fmt.Errorf("response_body %w", err)
	}
	if len(way) == 0 {
		a.bodyField, a.body = field, getter(response, field)
		return nil
	}
	holder := func(m proto.Message) proto.Message {
		at := m.ProtoReflect()
		for _, fd := range way {
			at = at.Get(fd).Message()
		}
		return at.Interface()
	}
	get := getter(holder(response), field)
	a.body = func(m proto.Message) any { return get(holder(m)) }
	return nil
}

// getter returns the field's value in the type of the generated code, which
// marshalers know how to present.
func getter(response proto.Message, fd protoreflect.FieldDescriptor) func(proto.Message) any {
	if isMessage(fd) {
		return func(m proto.Message) any { return m.ProtoReflect().Get(fd).Message().Interface() }
	}
	if place := findGoField(response, fd); place != nil {
		return place.value
	}
	name := "Get" + goName(string(fd.Name()))
	if _, ok := reflect.TypeOf(response).MethodByName(name); !ok {
		return func(m proto.Message) any { return m.ProtoReflect().Get(fd).Interface() }
	}
	return func(m proto.Message) any {
		return reflect.ValueOf(m).MethodByName(name).Call(nil)[0].Interface()
	}
}

// goName is the name that protoc-gen-go gives to a field in lower_snake_case.
func goName(field string) string {
	var b strings.Builder
	upper := true
	for i := range len(field) {
		c := field[i]
		if c == '_' && i+1 < len(field) && 'a' <= field[i+1] && field[i+1] <= 'z' {
			upper = true
			continue
		}
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b.WriteByte(c)
		upper = '0' <= c && c <= '9'
	}
	return b.String()
}

// write sends a successful response.
func (rt *Route) write(ctx context.Context, outbound runtime.Marshaler, w http.ResponseWriter, r *http.Request, response proto.Message) {
	if rt.present.omitNull {
		outbound = withoutNull(outbound)
	}
	message := response
	if rt.present.body != nil {
		message = &bodyOf{Message: response, value: rt.present.body(response)}
	}
	rt.forward(ctx, outbound, w, r, message)
}

// forward sends a message through the mux's own presentation of metadata.
func (rt *Route) forward(ctx context.Context, outbound runtime.Marshaler, w http.ResponseWriter, r *http.Request, message proto.Message) {
	a := rt.present
	options := rt.mux.GetForwardResponseOptions()
	if a.status != http.StatusOK || a.location != nil {
		options = append(slices.Clip(options), a.head)
	}
	if a.status == http.StatusNoContent {
		outbound = bodiless{outbound}
	}
	runtime.ForwardResponseMessage(ctx, rt.mux, outbound, w, r, message, options...)
}

// head writes the status line and Location before the body.
func (a presentation) head(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	if b, ok := m.(*bodyOf); ok {
		m = b.Message
	}
	if a.location != nil {
		w.Header().Set("Location", a.location.Expand(m, url.PathEscape))
	}
	if a.status == http.StatusNoContent {
		w.Header().Del("Content-Type")
	}
	w.WriteHeader(a.status)
	return nil
}

// bodiless presents every message as nothing.
type bodiless struct{ runtime.Marshaler }

// Marshal implements runtime.Marshaler.
func (bodiless) Marshal(any) ([]byte, error) { return nil, nil }

// bodyOf is a response of which one field is the HTTP body.
type bodyOf struct {
	proto.Message
	value any
}

// XXX_ResponseBody is the method by which grpc-gateway's runtime finds the body.
//
//nolint:revive,staticcheck // the name is grpc-gateway's
func (b *bodyOf) XXX_ResponseBody() any { return b.value }

// withoutNull returns the marshaler with unset messages left out. Marshalers
// other than grpc-gateway's JSON have no such choice and stay as they are.
func withoutNull(m runtime.Marshaler) runtime.Marshaler {
	switch m := m.(type) {
	case *runtime.JSONPb:
		bare := *m
		if bare.EmitUnpopulated {
			bare.EmitUnpopulated, bare.EmitDefaultValues = false, true
		}
		return &bare
	case *runtime.HTTPBodyMarshaler:
		return &runtime.HTTPBodyMarshaler{Marshaler: withoutNull(m.Marshaler)}
	default:
		return m
	}
}
