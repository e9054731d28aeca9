package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// wouldRefuse is what a limit in shadow mode would have done.
const wouldRefuse = "refuse"

// Middleware admits requests to next within the limits. Every response bears the
// fields of [Options.Fields] for the limits whose state is known, and a refusal
// Retry-After, after which the same request is admitted if its keys are not
// charged meanwhile.
//
// A refusal is an *apierror.Error for [Options.OnError]: RESOURCE_EXHAUSTED with
// the wait and the limits that refused; INVALID_ARGUMENT where the request costs
// more than a burst and so can never pass; or UNAVAILABLE with the reason
// [apierror.LimitsUnavailable] where a shared limit with FailureDeny could not be asked.
func (l *Limiter) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.admit(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// admit decides, and writes the response to a request that is refused.
func (l *Limiter) admit(w http.ResponseWriter, r *http.Request) bool {
	var charges [MaxLimits]Charge
	var decisions [MaxLimits]Decision
	asked, said := charges[:len(l.limits)], decisions[:len(l.limits)]
	if err := l.read(r, asked); err != nil {
		l.opts.OnError(w, r, err)
		return false
	}
	admitted := l.Decide(r.Context(), time.Now(), asked, said)
	l.observe(r, said)
	l.setFields(w.Header(), asked, said)
	if admitted {
		return true
	}
	refusal := l.refusal(asked, said)
	if refusal.RetryAfter > 0 {
		w.Header()[retryName] = []string{strconv.FormatInt(seconds(refusal.RetryAfter), 10)}
	}
	l.opts.OnError(w, r, refusal)
	return false
}

// read finds what the request asks of each limit.
func (l *Limiter) read(r *http.Request, charges []Charge) error {
	for i := range l.limits {
		limit := l.limits[i]
		charges[i].Units = limit.Cost.Units
		charges[i].Tier = l.tierOf(r, limit)
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
	for i := range decisions {
		if l.opts.OnDecision != nil {
			l.opts.OnDecision(r, l.limits[i].Name, decisions[i])
		}
		if l.limits[i].Shadow && !decisions[i].Allowed && l.opts.OnShadow != nil {
			l.opts.OnShadow(r.Context(), wouldRefuse)
		}
	}
}
