package retry

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Replies makes and moves the replies of hedged attempts: each attempt has one
// of its own, so that two that end together cannot write to the same memory.
// Its methods are called concurrently, for one reply by one goroutine at a time.
type Replies interface {
	// New returns an empty reply of the kind of the caller's. An error ends the
	// call before it is sent.
	New(reply any) (any, error)
	// Move puts what src holds into the caller's reply. Nobody uses src after
	// that.
	Move(reply, src any)
	// Free gives back what a reply that is not the call's response holds. Nobody
	// uses it after that.
	Free(reply any)
}

// Messages are [Replies] that are protobuf messages. It is safe for concurrent
// use.
type Messages struct{}

// New implements Replies.
func (Messages) New(reply any) (any, error) {
	m, ok := reply.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a protobuf message", reply)
	}
	return m.ProtoReflect().New().Interface(), nil
}

// Move implements Replies. It copies no further than the fields of the message
// itself.
func (Messages) Move(reply, src any) {
	to, from := reply.(proto.Message).ProtoReflect(), src.(proto.Message).ProtoReflect()
	proto.Reset(to.Interface())
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.SetUnknown(from.GetUnknown())
}

// Free implements Replies.
func (Messages) Free(any) {}
