package transcode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// decode binds a request to its message: body, then path, then query, the
// order in which a later source wins.
func (rt *Route) decode(r *http.Request, params []router.Param) (proto.Message, error) {
	message := rt.method.Call.NewRequest()
	if err := rt.decodeBody(r, message); err != nil {
		return nil, badRequest(err)
	}
	for _, p := range params {
		if err := runtime.PopulateFieldFromPath(message, p.FieldPath, p.Value); err != nil {
			return nil, badRequest(fmt.Errorf("path variable %s: %w", p.FieldPath, err))
		}
	}
	if rt.binding.Body != "*" {
		if err := rt.decodeQuery(r, message); err != nil {
			return nil, badRequest(err)
		}
	}
	return message, nil
}

// decodeQuery binds query parameters, and form fields for the routes that a
// form may reach.
func (rt *Route) decodeQuery(r *http.Request, message proto.Message) error {
	values, err := formValues(r)
	if err != nil || len(values) == 0 {
		return err
	}
	return runtime.PopulateQueryParameters(message, values, rt.boundElsewhere)
}

func formValues(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery == "" && r.Method != http.MethodPost {
		return nil, nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	return r.Form, nil
}

func (rt *Route) decodeBody(r *http.Request, message proto.Message) error {
	switch rt.binding.Body {
	case "":
		return nil
	case "*":
		return rt.decodeInto(r, r.Body, message)
	default:
		return rt.decodeBodyField(r, message)
	}
}

func (rt *Route) decodeInto(r *http.Request, body io.Reader, message proto.Message) error {
	inbound, _ := runtime.MarshalerForRequest(rt.mux, r)
	if err := inbound.NewDecoder(body).Decode(message); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (rt *Route) decodeBodyField(r *http.Request, message proto.Message) error {
	field := rt.bodyField
	if field.Message() == nil || field.IsList() || field.IsMap() {
		return rt.decodeValue(r, message)
	}
	if rt.maskField == nil {
		return rt.decodeInto(r, r.Body, message.ProtoReflect().Mutable(field).Message().Interface())
	}
	// A PATCH without a mask changes what its body holds, so it is read twice.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	value := message.ProtoReflect().Mutable(field).Message().Interface()
	if err := rt.decodeInto(r, bytes.NewReader(body), value); err != nil {
		return err
	}
	mask, err := runtime.FieldMaskFromRequestBody(bytes.NewReader(body), value)
	if err != nil {
		return err
	}
	message.ProtoReflect().Set(rt.maskField, protoreflect.ValueOfMessage(mask.ProtoReflect()))
	return nil
}

// decodeValue binds a body to a field that is no message: the body becomes the
// field's value in an object.
func (rt *Route) decodeValue(r *http.Request, message proto.Message) error {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	if !json.Valid(body) { // or it could set fields beside its own
		return errors.New("the request body is not one JSON value")
	}
	name, err := json.Marshal(rt.bodyField.JSONName())
	if err != nil {
		return err
	}
	object := bytes.Join([][]byte{[]byte("{"), name, []byte(":"), body, []byte("}")}, nil)
	return rt.decodeInto(r, bytes.NewReader(object), message)
}

// maskFieldOf returns the request's only field mask, or nil.
func maskFieldOf(md protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	var found protoreflect.FieldDescriptor
	name := (*fieldmaskpb.FieldMask)(nil).ProtoReflect().Descriptor().FullName()
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.IsList() || fd.Message() == nil || fd.Message().FullName() != name {
			continue
		}
		if found != nil {
			return nil
		}
		found = fd
	}
	return found
}

// badRequest turns what a decoder says into an error for the client.
func badRequest(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &apierror.Error{
			Code:       codes.InvalidArgument,
			Reason:     apierror.RequestTooLarge,
			Message:    fmt.Sprintf("the request body is larger than %d bytes", tooLarge.Limit),
			HTTPStatus: http.StatusRequestEntityTooLarge,
		}
	}
	return &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: err.Error()}
}
