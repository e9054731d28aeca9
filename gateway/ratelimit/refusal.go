package ratelimit

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/protoadapt"

	"github.com/venta-hq/venta/gateway/apierror"
)

// refusal says why the request is not admitted, and for how long. A limit that
// is used up is a better reason than one that nobody could ask.
func (l *Limiter) refusal(charges []Charge, decisions []Decision) *apierror.Error {
	failure := &errdetails.QuotaFailure{}
	refusal := &apierror.Error{
		Code:    codes.ResourceExhausted,
		Reason:  apierror.RateLimited,
		Details: []protoadapt.MessageV1{failure},
	}
	for i, decision := range decisions {
		limit := l.limits[i]
		if decision.Allowed || limit.Shadow {
			continue
		}
		if burst := limit.tiers[charges[i].Tier].quota.burst; charges[i].Units > burst {
			return tooDear(limit, charges[i].Units, burst)
		}
		if decision.Unknown {
			continue
		}
		refusal.Message = fmt.Sprintf("rate limit %q is used up", limit.Name)
		refusal.RetryAfter = max(refusal.RetryAfter, decision.RetryAfter)
		failure.Violations = append(failure.Violations, &errdetails.QuotaFailure_Violation{
			Subject:     "limit:" + limit.Name,
			Description: limit.rate(charges[i].Tier),
		})
	}
	if len(failure.Violations) == 0 {
		return notAsked()
	}
	if refusal.RetryAfter == Never {
		refusal.RetryAfter = 0 // a wait of centuries is no advice
	}
	return refusal
}

// notAsked refuses where a limit that must not be exceeded could not be asked.
func notAsked() *apierror.Error {
	return &apierror.Error{
		Code: codes.Unavailable, Reason: apierror.LimitsUnavailable,
		Message: "the rate limits cannot be checked at the moment", RetryAfter: storeRetry,
	}
}

// tooDear refuses what no wait can make pass.
func tooDear(limit *limit, units, burst int64) *apierror.Error {
	message := fmt.Sprintf("the request costs %d units and rate limit %q admits at most %d at once", units, limit.Name, burst)
	return &apierror.Error{
		Code:    codes.InvalidArgument,
		Reason:  apierror.InvalidRequest,
		Message: message,
		Details: []protoadapt.MessageV1{&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: limit.Cost.Field, Description: message},
		}}},
	}
}
