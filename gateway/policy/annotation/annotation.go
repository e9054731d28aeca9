// Package annotation turns the annotations of a schema (venta.policy.v1) into
// effective policies.
//
// A [Merged] starts empty and grows level by level, from the file to the
// service to the RPC; [Merged.With] checks each level on its own.
// [Merged.Effective] then fills in the defaults, and [Effective.Validate] checks
// the result against the RPC.
//
// The package never changes the messages that it is given.
package annotation

import (
	"fmt"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Level is where a block was written.
type Level int

// The levels, from the outermost to the innermost. A block of an inner level
// replaces the same block of an outer one.
const (
	File Level = iota
	Service
	Method
	Operator // of an override
)

// String returns "file", "service", "method" or "operator".
func (l Level) String() string {
	switch l {
	case File:
		return "file"
	case Service:
		return "service"
	case Method:
		return "method"
	case Operator:
		return "operator"
	default:
		return fmt.Sprintf("Level(%d)", int(l))
	}
}

// Fault is something wrong with the annotation of a level. It is comparable.
type Fault struct {
	Level Level
	policy.Fault
}

// Merge joins the annotations of the three levels; nil stands for none.
// The faults are those of each level on its own, in the order of the levels.
func Merge(file, service, method *policyv1.Policy) (Merged, []Fault) {
	var merged Merged
	var found []Fault
	for level, annotation := range []*policyv1.Policy{File: file, Service: service, Method: method} {
		var faults []Fault
		merged, faults = merged.With(Level(level), annotation)
		found = append(found, faults...)
	}
	return merged, found
}
