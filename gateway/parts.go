package gateway

import (
	"errors"
	"reflect"
)

// parts are what policies remember between requests: counts, breakers, budgets.
// Each has the name of what it belongs to, such as
// "venta.vendor.v2.VendorService.GetVendor/retry", or a service's for what its
// RPCs share. Stacks that are built anew take over each part whose policy has
// not changed.
type parts struct {
	before, now map[string]part
	// adopted is called once the new stacks are in use.
	adopted []func()
}

type part struct {
	policy any
	value  any
}

// errUnequal says that two RPCs give one part different policies.
var errUnequal = errors.New("it is shared, with settings that differ from another method's; make them equal")

func newParts(before map[string]part) *parts {
	return &parts{before: before, now: map[string]part{}}
}

// keep returns the part of that name: the one that this generation of stacks
// has, else that of the generation before if its policy is equal, else a new one.
func keep[T any](ps *parts, name string, policy any, build func() (T, error)) (T, error) {
	var none T
	found, ok := ps.now[name]
	if ok && !reflect.DeepEqual(found.policy, policy) {
		return none, errUnequal
	}
	if !ok {
		found, ok = ps.before[name]
		ok = ok && reflect.DeepEqual(found.policy, policy)
	}
	if !ok {
		value, err := build()
		if err != nil {
			return none, err
		}
		found = part{policy, value}
	}
	ps.now[name] = found
	return found.value.(T), nil
}

// all returns the parts in use with those that were added.
func (ps *parts) all() map[string]part {
	for _, adopt := range ps.adopted {
		adopt()
	}
	ps.adopted = nil
	return ps.now
}
