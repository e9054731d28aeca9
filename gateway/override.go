package gateway

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Override changes the policies of registered RPCs at run time: each block that
// it holds replaces the same block of the annotation whole, "disabled: true"
// removes it. It is held to what an annotation is held to, and to what the
// author permits.
type Override struct {
	// Methods names the RPCs: "package.Service/Method", "package.Service/*", or
	// "**" for all.
	Methods string
	// Policy holds the blocks. Required.
	Policy *policyv1.Policy
	// Expires ends the override by itself. Zero: it stays.
	Expires time.Time
	// Reason tells people why. It has no effect.
	Reason string
	// Source is where it is written, such as "venta.yaml:12", or, of one with an ID,
	// what keeps it.
	Source string
	// ID names it among those that are written nowhere. Empty: it is written.
	ID string
	// Operator is who laid it, where somebody did while the gateway ran, and Added when.
	Operator string
	Added    time.Time
}

// Override puts overrides into force, in their order and in place of all earlier
// ones; nil ends them all. Requests under way keep the policy that they began
// with, and what a policy remembers (counts, breakers, budgets) stays where the
// policy does. What is left of them must be right, too, each time that one has
// expired. With an error, which names everything that is wrong, nothing has
// changed.
func (g *Gateway) Override(overrides []Override) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	owned, now := owned(overrides), time.Now()
	next, err := g.lasting(owned, now)
	if err != nil {
		return err
	}
	_, ended := split(g.overrides, now) // just now, so that nobody has told yet
	g.use(next)
	g.overrides, _ = split(owned, now)
	g.awaitExpiry()
	if g.serving {
		g.advise()
	}
	g.tellExpired(ended)
	return nil
}

// Preview returns what would hold for each RPC with overrides in place of those that
// are in force, in the order of registration, or the error that Override would return.
// It changes nothing.
func (g *Gateway) Preview(overrides []Override) ([]EffectivePolicy, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next, err := g.lasting(owned(overrides), time.Now())
	if err != nil {
		return nil, err
	}
	all := make([]EffectivePolicy, len(g.methods))
	for i, m := range g.methods {
		all[i] = m.with(next.policies[i])
	}
	return all, nil
}

// Overrides returns those that are in force, in their order. Their policies must not be
// changed.
func (g *Gateway) Overrides() []Override {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.overrides)
}

// owned copies overrides that somebody else may change.
func owned(overrides []Override) []Override {
	all := slices.Clone(overrides)
	for i := range all {
		all[i].Policy = proto.CloneOf(all[i].Policy)
	}
	return all
}

func (o Override) matches(m *method) bool {
	return policy.Matches(o.Methods, m.service.Name+"/"+m.Name)
}

// where begins an error's text with the override's place.
func (o Override) where() string {
	if o.place() == "" {
		return "override of " + o.Methods
	}
	return o.place() + ": override of " + o.Methods
}

// place says which one it is: "venta.yaml:12", "memory m1".
func (o Override) place() string { return strings.TrimSpace(o.Source + " " + o.ID) }

// stacks are those of all RPCs with a list of overrides.
type stacks struct {
	policies   []effective
	routes     [][]assembly.Route
	generation *assembly.Generation
}

// build makes every stack anew, and puts none into use. The lock is held.
func (g *Gateway) build(overrides []Override, now time.Time) (*stacks, []error) {
	made := &stacks{make([]effective, len(g.methods)), make([][]assembly.Route, len(g.methods)), g.generation.Next()}
	errs := unmatched(overrides, g.methods)
	for i, m := range g.methods {
		var faults []error
		made.policies[i], faults = m.overridden(overrides, now)
		if len(faults) == 0 {
			var err error
			made.routes[i], err = g.environment.Build(m.under(made.policies[i].policy), made.generation)
			if err != nil {
				faults = []error{made.policies[i].placed(err)}
			}
		}
		for _, fault := range faults {
			errs = append(errs, fmt.Errorf("%s.%s: %w", m.service.Name, m.Name, fault))
		}
	}
	return made, errs
}

// use puts stacks into use. The lock is held.
func (g *Gateway) use(next *stacks) {
	for i, m := range g.methods {
		m.effective = next.policies[i]
		for j, rt := range m.routes {
			rt.served.Store(&next.routes[i][j])
		}
	}
	next.generation.Adopt()
	g.generation = next.generation
	g.allowKeyHeaders()
}

// placed names the overrides with which stacks could not be built; without them
// they were.
func (e effective) placed(err error) error {
	if len(e.overrides) == 0 {
		return err
	}
	places := make([]string, len(e.overrides))
	for i, o := range e.overrides {
		places[i] = o.where()
	}
	return fmt.Errorf("%s: %w", strings.Join(places, ", "), err)
}

// unmatched refuses overrides that would have no effect.
func unmatched(overrides []Override, methods []*method) []error {
	var errs []error
	for _, o := range overrides {
		switch {
		case o.Policy == nil:
			errs = append(errs, fmt.Errorf("%s: it holds no policy; write one, or remove the override", o.where()))
		case !slices.ContainsFunc(methods, o.matches):
			errs = append(errs, fmt.Errorf("%s: there is no such RPC; write PACKAGE.SERVICE/METHOD, PACKAGE.SERVICE/* or **", o.where()))
		}
	}
	return errs
}

// overridden returns what holds for the method with all overrides that are in
// force for it.
func (m *method) overridden(overrides []Override, now time.Time) (effective, []error) {
	changed := effective{policy: m.Policy, written: m.annotated, origins: map[string]string{}}
	var errs []error
	for _, o := range overrides {
		if o.Policy == nil || !o.active(now) || !o.matches(m) {
			continue
		}
		with, faults := m.annotated.Override(m.rpc, changed.policy, o.Policy)
		for _, fault := range faults {
			errs = append(errs, fmt.Errorf("%s: %s", o.where(), fault))
		}
		changed.policy, changed.overrides = with, append(changed.overrides, o)
		changed.written, _ = changed.written.With(annotation.Operator, o.Policy)
		for _, block := range annotation.Blocks(o.Policy) {
			changed.origins[block] = o.where()
		}
	}
	return changed, errs
}
