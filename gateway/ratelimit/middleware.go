package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/protoadapt"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// Middleware admits requests to next within the limits. Every answer bears the
// RateLimit-Policy and RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10),
// and a refusal Retry-After, after which the same request is admitted if its
// keys are not charged meanwhile.
//
// A refusal is an *apierror.Error for [Options.OnError]: RESOURCE_EXHAUSTED with
// the wait and the limits that refused, or INVALID_ARGUMENT where the request
// costs more than a burst and so can never pass.
func (l *Limiter) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var charges [MaxLimits]Charge
		var decisions [MaxLimits]Decision
		asked, said := charges[:len(l.limits)], decisions[:len(l.limits)]
		if err := l.read(r, asked); err != nil {
			l.opts.OnError(w, r, err)
			return
		}
		admitted := l.Decide(time.Now(), asked, said)
		l.observe(r, said)
		l.setFields(w.Header(), said)
		if admitted {
			next.ServeHTTP(w, r)
			return
		}
		refusal := l.refusal(asked, said)
		if refusal.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(seconds(refusal.RetryAfter), 10))
		}
		l.opts.OnError(w, r, refusal)
	})
}

// read finds what the request asks of each limit.
func (l *Limiter) read(r *http.Request, charges []Charge) error {
	for i := range l.limits {
		limit := &l.limits[i]
		charges[i].Units = limit.Cost.Units
		if limit.Key.Source != policy.KeyGlobal {
			key, err := l.opts.Key(r, limit.Key)
			if err != nil {
				return fmt.Errorf("key of rate limit %q: %w", limit.Name, err)
			}
			charges[i].Key = key
		}
		if limit.Cost.Field != "" {
			units, err := l.opts.Cost(r, limit.Cost.Field)
			if err != nil {
				return fmt.Errorf("cost of rate limit %q: %w", limit.Name, err)
			}
			charges[i].Units = units
		}
	}
	return nil
}

func (l *Limiter) observe(r *http.Request, decisions []Decision) {
	if l.opts.Observe == nil {
		return
	}
	for i := range decisions {
		l.opts.Observe(r, l.limits[i].Name, decisions[i])
	}
}

// refusal says why the request is not admitted, and for how long.
func (l *Limiter) refusal(charges []Charge, decisions []Decision) *apierror.Error {
	failure := &errdetails.QuotaFailure{}
	refusal := &apierror.Error{
		Code:    codes.ResourceExhausted,
		Reason:  apierror.RateLimited,
		Details: []protoadapt.MessageV1{failure},
	}
	for i, decision := range decisions {
		limit := &l.limits[i]
		if decision.Allowed {
			continue
		}
		if charges[i].Units > limit.Burst {
			return tooDear(limit, charges[i].Units)
		}
		refusal.Message = fmt.Sprintf("rate limit %q is used up", limit.Name)
		refusal.RetryAfter = max(refusal.RetryAfter, decision.RetryAfter)
		failure.Violations = append(failure.Violations, &errdetails.QuotaFailure_Violation{
			Subject:     "limit:" + limit.Name,
			Description: fmt.Sprintf("%d requests per %v, at most %d at once", limit.Requests, limit.Interval, limit.Burst),
		})
	}
	if refusal.RetryAfter == Never {
		refusal.RetryAfter = 0 // a wait of centuries is no advice
	}
	return refusal
}

// tooDear refuses what no wait can make pass.
func tooDear(limit *limit, units int64) *apierror.Error {
	message := fmt.Sprintf("the request costs %d units and rate limit %q admits at most %d at once", units, limit.Name, limit.Burst)
	return &apierror.Error{
		Code:    codes.InvalidArgument,
		Reason:  apierror.InvalidRequest,
		Message: message,
		Details: []protoadapt.MessageV1{&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: limit.Cost.Field, Description: message},
		}}},
	}
}
