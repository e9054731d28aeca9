package transcode

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that requests are written with
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Frame is an upstream's response as it came: the wire bytes of a message. It is
// decoded only for somebody who looks into it, as a proto.Message, and then
// once. One goroutine uses it at a time.
type Frame struct {
	wire  mem.Buffer
	empty func() proto.Message
	typed proto.Message
}

// newFrame returns a frame for a message of the given type.
func newFrame(empty func() proto.Message) *Frame { return &Frame{empty: empty} }

// Wire returns the message's wire bytes. They are valid until free is called.
func (f *Frame) Wire() []byte {
	if f.wire == nil {
		return nil
	}
	return f.wire.ReadOnlyData()
}

// ProtoReflect implements proto.Message by decoding the frame. A frame that
// does not decode reads as an empty, invalid message.
func (f *Frame) ProtoReflect() protoreflect.Message {
	message, err := f.message()
	if err != nil {
		return f.empty().ProtoReflect().Type().Zero()
	}
	return message.ProtoReflect()
}

// message decodes the frame.
func (f *Frame) message() (proto.Message, error) {
	if f.typed == nil {
		message := f.empty()
		if err := proto.Unmarshal(f.Wire(), message); err != nil {
			return nil, err
		}
		f.typed = message
	}
	return f.typed, nil
}

// take replaces the frame's content, as each attempt of a call does.
func (f *Frame) take(data mem.BufferSlice) {
	f.free()
	f.wire = data.MaterializeToBuffer(mem.DefaultBufferPool())
}

// free gives the bytes back.
func (f *Frame) free() {
	if f.wire != nil {
		f.wire.Free()
	}
	f.wire, f.typed = nil, nil
}

// frameCodec is gRPC's codec for messages, except that a Frame takes an
// response's bytes as they are.
type frameCodec struct{ encoding.CodecV2 }

func newFrameCodec() frameCodec { return frameCodec{encoding.GetCodecV2("proto")} }

// Name implements encoding.CodecV2. It is empty, so that calls have the content
// type "application/grpc" as those of other clients do, and not one that is put
// together for each.
func (frameCodec) Name() string { return "" }

// Unmarshal implements encoding.CodecV2.
func (c frameCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if frame, ok := v.(*Frame); ok {
		frame.take(data)
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// deliver stores the response of a call that was made without a network.
func deliver(reply any, response proto.Message) error {
	switch into := reply.(type) {
	case *Frame:
		wire, err := proto.Marshal(response)
		if err != nil {
			return fmt.Errorf("encoding the response: %w", err)
		}
		into.take(mem.BufferSlice{mem.SliceBuffer(wire)})
	case proto.Message:
		proto.Reset(into)
		proto.Merge(into, response)
	default:
		return fmt.Errorf("%T takes no response", reply)
	}
	return nil
}
