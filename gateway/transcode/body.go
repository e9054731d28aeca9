package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// bodyBinder binds a request's body.
type bodyBinder struct {
	dropIn bool
	whole  bool                           // the body is the message
	way    []protoreflect.FieldDescriptor // the messages around the field
	field  protoreflect.FieldDescriptor   // nil: the body is the message, or nothing
	place  *goField                       // of the field; nil: its message is not open
	mask   protoreflect.FieldDescriptor   // what a PATCH changes; nil: nobody asks
	raw    bool                           // a google.api.HttpBody takes the body as it is
	// unmasked is a path in the field that no mask which is made here has.
	unmasked string
}

func newBodyBinder(request proto.Message, b Binding, o ServiceOptions, dropIn bool) (bodyBinder, error) {
	binder := bodyBinder{dropIn: dropIn, whole: b.Body == "*"}
	md := descriptor(request)
	if b.Body == "" || b.Body == "*" {
		binder.raw = binder.whole && !dropIn && isHTTPBody(md)
		return binder, nil
	}
	var err error
	if binder.way, binder.field, err = fieldAt(md, b.Body); err != nil {
		return binder, fmt.Errorf("body %w", err)
	}
	if b.Verb == http.MethodPatch && !o.NoPatchMask {
		binder.mask = maskFieldOf(md)
	}
	binder.place = findGoField(binder.holder(request.ProtoReflect()).Interface(), binder.field)
	if isMessage(binder.field) {
		binder.raw = !dropIn && isHTTPBody(binder.field.Message())
	} else {
		binder.mask = nil // a value has no paths
	}
	return binder, nil
}

// bind reads the body into the message. A body that is empty binds nothing.
func (b bodyBinder) bind(ctx context.Context, r *http.Request, inbound runtime.Marshaler, m proto.Message) error {
	switch {
	case b.whole:
		return b.decode(ctx, r, inbound, r.Body, m)
	case b.field == nil:
		return nil
	case !isMessage(b.field):
		return b.bindValue(ctx, r, inbound, m)
	case b.mask != nil:
		return b.bindPatch(ctx, r, inbound, m)
	default:
		return b.decode(ctx, r, inbound, r.Body, b.target(m))
	}
}

// holder returns the message that has the field.
func (b bodyBinder) holder(m protoreflect.Message) protoreflect.Message {
	for _, field := range b.way {
		m = m.Mutable(field).Message()
	}
	return m
}

// target returns what the body is read into: the field's message, or as
// generated handlers have it, a pointer to the field.
func (b bodyBinder) target(m proto.Message) any {
	holder := b.holder(m.ProtoReflect())
	if b.dropIn && b.place != nil {
		return b.place.pointer(holder.Interface())
	}
	return holder.Mutable(b.field).Message().Interface()
}

func (b bodyBinder) decode(ctx context.Context, r *http.Request, inbound runtime.Marshaler, body io.Reader, into any) error {
	if b.raw {
		return takeHTTPBody(r, body, into.(proto.Message).ProtoReflect())
	}
	if isJSON(inbound) {
		guard := guarded(ctx, body, b.mask != nil)
		defer guard.free()
		body = guard
	}
	decoder := inbound.NewDecoder(body)
	switch err := decoder.Decode(into); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case b.dropIn:
		return nil
	}
	return ended(decoder)
}

var errMoreJSON = errors.New("the request body is more than one JSON value")

// ended refuses JSON behind a JSON value: one of the two would be lost in silence.
// A decoder of another format is left alone.
func ended(decoder runtime.Decoder) error {
	tokens, ok := decoder.(interface{ Token() (json.Token, error) })
	if !ok {
		return nil
	}
	switch _, err := tokens.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil, errors.As(err, new(*json.SyntaxError)):
		return errMoreJSON
	default: // the body could not be read
		return err
	}
}

// bindPatch reads the body twice: a PATCH without a mask changes what its body
// holds.
func (b bodyBinder) bindPatch(ctx context.Context, r *http.Request, inbound runtime.Marshaler, m proto.Message) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := b.decode(ctx, r, inbound, bytes.NewReader(body), b.target(m)); err != nil {
		return err
	}
	request := m.ProtoReflect()
	if given, ok := request.Get(b.mask).Message().Interface().(*fieldmaskpb.FieldMask); ok && len(given.GetPaths()) > 0 {
		return nil
	}
	changed := b.holder(request).Get(b.field).Message().Interface()
	guard := guarded(ctx, bytes.NewReader(body), true) // whatever read it before
	defer guard.free()
	mask, err := runtime.FieldMaskFromRequestBody(guard, changed)
	if err != nil {
		return err
	}
	if b.unmasked != "" {
		mask.Paths = slices.DeleteFunc(mask.Paths, func(path string) bool { return path == b.unmasked })
	}
	request.Set(b.mask, protoreflect.ValueOfMessage(mask.ProtoReflect()))
	return nil
}

// bindValue binds a body to a field that is no message. JSON is read as
// protojson reads the field's value in an object; other formats, and a drop-in
// route, read it into the field of the generated code.
func (b bodyBinder) bindValue(ctx context.Context, r *http.Request, inbound runtime.Marshaler, m proto.Message) error {
	holder := b.holder(m.ProtoReflect()).Interface()
	if b.place != nil && (b.dropIn || !isJSON(inbound)) {
		return b.decode(ctx, r, inbound, r.Body, b.place.pointer(holder))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	if !json.Valid(body) { // or it could set fields beside its own
		return errors.New("the request body is not one JSON value")
	}
	name, err := json.Marshal(b.field.JSONName())
	if err != nil {
		return err
	}
	object := bytes.Join([][]byte{[]byte("{"), name, []byte(":"), body, []byte("}")}, nil)
	return b.decode(ctx, r, inbound, bytes.NewReader(object), holder)
}

// fieldAt follows a dotted path through messages: the way to the field, which
// may be of any kind, and the field.
func fieldAt(md protoreflect.MessageDescriptor, path string) (way []protoreflect.FieldDescriptor, field protoreflect.FieldDescriptor, err error) {
	holder := md
	for name := range strings.SplitSeq(path, ".") {
		if field != nil {
			way = append(way, field)
		}
		if holder == nil || field != nil && isMany(field) {
			return nil, nil, fmt.Errorf("%q goes on after a value", path)
		}
		if field = holder.Fields().ByName(protoreflect.Name(name)); field == nil {
			return nil, nil, fmt.Errorf("%q is not a field of %s", path, md.FullName())
		}
		holder = field.Message()
	}
	return way, field, nil
}

func isJSON(m runtime.Marshaler) bool {
	if body, ok := m.(*runtime.HTTPBodyMarshaler); ok {
		m = body.Marshaler
	}
	_, ok := m.(*runtime.JSONPb)
	return ok
}

func isMany(fd protoreflect.FieldDescriptor) bool { return fd.IsList() || fd.IsMap() }

func isMessage(fd protoreflect.FieldDescriptor) bool { return fd.Message() != nil && !isMany(fd) }

// maskFieldOf returns the request's only field mask, or nil.
func maskFieldOf(md protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	var found protoreflect.FieldDescriptor
	name := (*fieldmaskpb.FieldMask)(nil).ProtoReflect().Descriptor().FullName()
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.Message() == nil || fd.Message().FullName() != name {
			continue
		}
		if found != nil {
			return nil
		}
		found = fd
	}
	if found != nil && found.IsList() {
		return nil
	}
	return found
}
