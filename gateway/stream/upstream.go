package stream

import (
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/policy"
)

// fields are what events are made of; nil where the policy names none.
type fields struct {
	resume, id, event policy.FieldPath
}

// source is the upstream's stream of one request. Where the upstream does not know the
// place to resume from, it is opened anew, from the present.
type source struct {
	rpc     RPC
	fields  fields
	request proto.Message
	reset   func() error // tells the client

	stream grpc.ClientStream
	begun  bool // a message has come, or the place is given up
}

// next returns the next message. io.EOF is the stream's end.
func (s *source) next() (proto.Message, error) {
	for {
		message, err := s.receive()
		if err == nil {
			s.begun = true
			return message, nil
		}
		if s.begun || !s.resumes() || status.Code(err) != codes.OutOfRange {
			return nil, err
		}
		if err := s.forget(); err != nil {
			return nil, err
		}
	}
}

func (s *source) receive() (proto.Message, error) {
	if s.stream == nil {
		stream, err := s.rpc.OpenWith(s.request)
		if err != nil && !errors.Is(err, io.EOF) { // receiving says why it has ended
			return nil, err
		}
		s.stream = stream
	}
	return s.rpc.Receive(s.stream)
}

func (s *source) resumes() bool {
	return s.fields.resume != nil && hasPlace(s.request, s.fields.resume)
}

// forget gives the place up.
func (s *source) forget() error {
	clearPlace(s.request, s.fields.resume)
	s.begun, s.stream = true, nil
	return s.reset()
}

// place takes the place that a client comes back to.
func (s *source) place(id string) error {
	if id == "" || s.fields.resume == nil {
		return nil
	}
	if err := setPlace(s.request, s.fields.resume, id); err != nil {
		return s.forget()
	}
	return nil
}
