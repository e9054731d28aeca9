package webhook

import (
	"encoding/json"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// eventOf returns the event that a verified body tells of, "" where it tells of none.
func (g *guard) eventOf(raw []byte) (string, error) {
	if g.policy.EventField == "" {
		return "", nil
	}
	event, err := eventAt(raw, g.path)
	if err != nil {
		return "", &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: err.Error()}
	}
	return event, nil
}

var errNoObject = errors.New("the request body is no JSON object")

// eventAt follows names through the objects of a JSON body. What is not there, or no
// string, is no event.
func eventAt(raw []byte, path []string) (event string, err error) {
	object, ok := objectOf(raw)
	if !ok {
		return "", errNoObject
	}
	last := len(path) - 1
	for _, name := range path[:last] {
		object, _ = objectOf(object[name]) // nil where it is none
	}
	if text := object[path[last]]; len(text) > 0 && text[0] == '"' {
		err = json.Unmarshal(text, &event)
		return event, err
	}
	return "", nil
}

// objectOf returns the members of a JSON object.
func objectOf(raw []byte) (members map[string]json.RawMessage, ok bool) {
	err := json.Unmarshal(raw, &members)
	return members, err == nil && members != nil
}
