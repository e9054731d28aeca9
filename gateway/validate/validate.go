// Package validate checks requests against their buf.validate rules before
// they travel upstream.
package validate

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// New returns an interceptor that refuses a request that breaks its rules with
// INVALID_ARGUMENT and one BadRequest field violation for each broken rule. A
// rule that cannot be evaluated is an INTERNAL error, never a pass.
func New(v protovalidate.Validator) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if message, ok := req.(proto.Message); ok {
			if err := v.Validate(message); err != nil {
				return refusal(err)
			}
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

// description is what a rule says, but for that of a secret field: the rule may repeat
// the value.
func description(v *protovalidate.Violation) string {
	if v.FieldDescriptor != nil && policy.IsSecret(v.FieldDescriptor) {
		return "the value breaks the rule " + v.Proto.GetRuleId()
	}
	return v.Proto.GetMessage()
}

func refusal(err error) error {
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return &apierror.Error{
			Code:    codes.Internal,
			Reason:  apierror.Internal,
			Message: "the request could not be validated",
			Cause:   fmt.Errorf("evaluating validation rules: %w", err),
		}
	}
	details := &errdetails.BadRequest{}
	for _, v := range invalid.Violations {
		details.FieldViolations = append(details.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field:       protovalidate.FieldPathString(v.Proto.GetField()),
			Description: description(v),
			Reason:      v.Proto.GetRuleId(),
		})
	}
	return &apierror.Error{
		Code:    codes.InvalidArgument,
		Reason:  apierror.InvalidRequest,
		Message: "the request is not valid",
		Details: []protoadapt.MessageV1{details},
	}
}
