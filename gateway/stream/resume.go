package stream

import (
	"errors"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

// LastEventQuery is the query parameter that says the place to resume from, for who
// cannot set the header that browsers send.
const LastEventQuery = "lastEventId"

var errUnknownPlace = errors.New("the place is no value of the field")

// lastEvent returns the place that a client comes back to; "": it begins anew.
func lastEvent(r *http.Request) string {
	if id := r.Header.Get("Last-Event-Id"); id != "" {
		return id
	}
	return r.URL.Query().Get(LastEventQuery)
}

// setPlace writes a place into a request. An error says that no upstream can have
// given it.
func setPlace(request proto.Message, path policy.FieldPath, id string) error {
	last := path[len(path)-1]
	value, err := placeValue(last, id)
	if err != nil {
		return err
	}
	holder(request, path).Set(last, value)
	return nil
}

func clearPlace(request proto.Message, path policy.FieldPath) {
	holder(request, path).Clear(path[len(path)-1])
}

func hasPlace(request proto.Message, path policy.FieldPath) bool {
	m := request.ProtoReflect()
	for _, field := range path[:len(path)-1] {
		m = m.Get(field).Message()
	}
	return m.Has(path[len(path)-1])
}

func holder(request proto.Message, path policy.FieldPath) protoreflect.Message {
	m := request.ProtoReflect()
	for _, field := range path[:len(path)-1] {
		m = m.Mutable(field).Message()
	}
	return m
}

func placeValue(field protoreflect.FieldDescriptor, id string) (protoreflect.Value, error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(id), nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(id, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), unknown(err)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(id, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), unknown(err)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(id, 10, 64)
		return protoreflect.ValueOfUint64(n), unknown(err)
	default:
		n, err := strconv.ParseInt(id, 10, 64)
		return protoreflect.ValueOfInt64(n), unknown(err)
	}
}

func unknown(err error) error {
	if err != nil {
		return errUnknownPlace
	}
	return nil
}
