package ratelimit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// The limits of a policy that the arithmetic holds for, and that the schema states.
const (
	maxUnits    = 1_000_000_000
	minInterval = time.Second
	maxInterval = 24 * time.Hour
	maxName     = 64
	maxScope    = 256
	maxHorizon  = 1 << 51 // microseconds, 71 years: what a store's arithmetic holds for
	nameBytes   = "abcdefghijklmnopqrstuvwxyz0123456789-_"
)

func validate(limits []policy.RateLimit, opts Options) error {
	var errs []error
	if len(limits) == 0 || len(limits) > MaxLimits {
		errs = append(errs, fmt.Errorf("%d limits, want 1 to %d", len(limits), MaxLimits))
	}
	if opts.OnError == nil {
		errs = append(errs, errors.New("no OnError"))
	}
	errs = append(errs, opts.Fields().Validate())
	if anyShared(limits) && !validScope(opts.Scope) {
		errs = append(errs, fmt.Errorf("scope %q is not 1 to %d printable characters without braces", opts.Scope, maxScope))
	}
	if opts.MaxKeys < max(keyed(limits), 1) {
		errs = append(errs, fmt.Errorf("%d keys for %d limits", opts.MaxKeys, len(limits)))
	}
	names := make(map[string]bool)
	for _, each := range limits {
		if err := validateLimit(each, opts); err != nil {
			errs = append(errs, fmt.Errorf("limit %q: %w", each.Name, err))
		}
		if names[each.Name] {
			errs = append(errs, fmt.Errorf("limit %q: the name is taken", each.Name))
		}
		names[each.Name] = true
	}
	return errors.Join(errs...)
}

func validateLimit(limit policy.RateLimit, opts Options) error {
	return errors.Join(
		validName(limit.Name),
		within("requests", limit.Requests, 1, maxUnits),
		within("burst", limit.Burst, 1, maxUnits),
		within("interval", limit.Interval, minInterval, maxInterval),
		validCost(limit, opts),
		validKey(limit, opts),
		validTiers(limit, opts),
		validSharing(limit, opts),
	)
}

func validTiers(limit policy.RateLimit, opts Options) error {
	var errs []error
	if len(limit.Tiers) > MaxTiers {
		errs = append(errs, fmt.Errorf("%d tiers, want at most %d", len(limit.Tiers), MaxTiers))
	}
	if len(limit.Tiers) > 0 && opts.Claim == nil {
		errs = append(errs, errors.New("no Claim to read its tiers"))
	}
	for _, tier := range limit.Tiers {
		if err := validTier(limit, tier); err != nil {
			errs = append(errs, fmt.Errorf("tier %q of %q: %w", tier.Value, tier.Claim, err))
		}
	}
	return errors.Join(errs...)
}

func validTier(limit policy.RateLimit, tier policy.RateLimitTier) error {
	var unnamed, dear error
	if tier.Claim == "" {
		unnamed = errors.New("no claim")
	}
	if limit.Cost.Field == "" && limit.Cost.Units > tier.Burst {
		dear = fmt.Errorf("cost %d is above the burst of %d", limit.Cost.Units, tier.Burst)
	}
	return errors.Join(
		unnamed,
		within("requests", tier.Requests, 1, maxUnits),
		within("burst", tier.Burst, 1, maxUnits),
		dear,
	)
}

func validSharing(limit policy.RateLimit, opts Options) error {
	if !limit.Shared {
		if limit.OnStoreFailure != policy.FailureUnset || limit.Lease != 0 {
			return errors.New("a store's failure or a lease without a shared count")
		}
		return nil
	}
	errs := []error{within("lease", limit.Lease, 0, maxUnits)}
	if opts.Store == nil {
		errs = append(errs, errors.New("no Store to share its count"))
	}
	if limit.OnStoreFailure < policy.FailureAllow || limit.OnStoreFailure > policy.FailureLocal {
		errs = append(errs, errors.New("it does not say what happens without the store"))
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

func validName(name string) error {
	if name == "" || len(name) > maxName || strings.Trim(name, nameBytes) != "" {
		return fmt.Errorf("the name must be 1 to %d characters of a-z, 0-9, '-' and '_'", maxName)
	}
	return nil
}

func validCost(limit policy.RateLimit, opts Options) error {
	switch {
	case limit.Cost.Field == "":
		return within("cost", limit.Cost.Units, 1, limit.Burst)
	case opts.Cost == nil:
		return fmt.Errorf("no Cost to read the field %q", limit.Cost.Field)
	default:
		return nil
	}
}

func validKey(limit policy.RateLimit, opts Options) error {
	if limit.Key.Source != policy.KeyGlobal && opts.Key == nil {
		return errors.New("no Key to read its key")
	}
	return nil
}

func within[T int64 | time.Duration](what string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%s is %v, want %v to %v", what, v, low, high)
	}
	return nil
}
