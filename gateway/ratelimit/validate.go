package ratelimit

import (
	"errors"
	"fmt"
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
	)
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
