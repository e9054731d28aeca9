package ratelimit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

const (
	maxScope   = 256
	maxHorizon = 1 << 51 // microseconds, 71 years: what a store's arithmetic holds for
)

func validate(limits []policy.RateLimit, opts Options) error {
	var errs []error
	if len(limits) == 0 {
		errs = append(errs, errors.New("no limits"))
	}
	if err := (policy.Method{RateLimits: limits}).CheckLimits(); err != nil {
		errs = append(errs, err)
	}
	if opts.OnError == nil {
		errs = append(errs, errors.New("no OnError"))
	}
	errs = append(errs, opts.Fields().Validate())
	if anyShared(limits) && !validScope(opts.Scope) {
		errs = append(errs, fmt.Errorf("scope %q is not 1 to %d printable characters without braces", opts.Scope, maxScope))
	}
	for _, each := range limits {
		if err := fits(each, opts); err != nil {
			errs = append(errs, fmt.Errorf("limit %q: %w", each.Name, err))
		}
	}
	return errors.Join(errs...)
}

// fits reports what a limit needs of the options, and of the store.
func fits(limit policy.RateLimit, opts Options) error {
	var errs []error
	if limit.Cost.Field != "" && opts.Cost == nil {
		errs = append(errs, fmt.Errorf("no Cost to read the field %q", limit.Cost.Field))
	}
	if limit.Key.Source != policy.KeyGlobal && opts.Key == nil {
		errs = append(errs, errors.New("no Key to read its key"))
	}
	if len(limit.Tiers) > 0 && opts.Claim == nil {
		errs = append(errs, errors.New("no Claim to read its tiers"))
	}
	if limit.Shared {
		errs = append(errs, fitsStore(limit, opts))
	}
	return errors.Join(errs...)
}

func fitsStore(limit policy.RateLimit, opts Options) error {
	var errs []error
	if opts.Store == nil {
		errs = append(errs, errors.New("no Store to share its count"))
	}
	errs = append(errs, validHorizon(limit.Requests, limit.Burst, limit.Interval))
	for _, tier := range limit.Tiers {
		errs = append(errs, validHorizon(tier.Requests, tier.Burst, limit.Interval))
	}
	return errors.Join(errs...)
}

// validHorizon refuses a burst that the store could not count exactly.
func validHorizon(requests, burst int64, interval time.Duration) error {
	if requests < 1 || burst < 1 || interval < 1 {
		return nil // refused for that
	}
	q := newQuota(requests, burst, interval)
	if q.tolerance.over(q.parts()) > maxHorizon {
		return fmt.Errorf("a burst of %d takes over 71 years to earn, which no store counts exactly", burst)
	}
	return nil
}

func anyShared(limits []policy.RateLimit) bool {
	return slices.ContainsFunc(limits, func(l policy.RateLimit) bool { return l.Shared })
}

func validScope(scope string) bool {
	for _, c := range []byte(scope) {
		if c <= ' ' || c > '~' || c == '{' || c == '}' {
			return false
		}
	}
	return scope != "" && len(scope) <= maxScope
}
