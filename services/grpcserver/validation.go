package grpcserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/services/fault"
)

// validation refuses requests that break the rules of their schema, with a
// google.rpc.BadRequest. (The interceptor of go-grpc-middleware responds with
// buf.validate.Violations and shows internal errors.)
type validation struct{ validator protovalidate.Validator }

func (v validation) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := v.check(req); err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

func (v validation) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	return handle(srv, &validatedStream{ServerStream: stream, validation: v})
}

// validatedStream checks every message that arrives.
type validatedStream struct {
	grpc.ServerStream

	validation validation
}

// RecvMsg implements grpc.ServerStream.
func (s *validatedStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return s.validation.check(message)
}

func (v validation) check(message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return fmt.Errorf("a request of type %T cannot be validated", message)
	}
	err := v.validator.Validate(m)
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return err
	}
	violations := make([]*errdetails.BadRequest_FieldViolation, 0, len(broken.Violations))
	for _, violation := range broken.Violations {
		violations = append(violations, fieldViolation(violation))
	}
	return fault.InvalidFields("the request is not valid", violations...)
}

// fieldViolation names the field that breaks a rule. Rules of a whole message
// name it in their text, as in "sw.lat: must not be north of ne.lat".
func fieldViolation(v *protovalidate.Violation) *errdetails.BadRequest_FieldViolation {
	field, description := protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()
	if before, after, found := strings.Cut(description, ": "); found && field == "" {
		field, description = before, after
	}
	return &errdetails.BadRequest_FieldViolation{Field: field, Description: description, Reason: v.Proto.GetRuleId()}
}
