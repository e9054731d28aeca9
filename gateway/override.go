package gateway

import (
	"errors"
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
	// Source is where it is written, such as "venta.yaml:12".
	Source string
}

// Override puts overrides into force, in their order and in place of all earlier
// ones; nil ends them all. Requests under way keep the policy that they began
// with, and what a policy remembers (counts, breakers, budgets) stays where the
// policy does. With an error, which names everything that is wrong, nothing has
// changed.
func (g *Gateway) Override(overrides []Override) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	owned := slices.Clone(overrides)
	for i := range owned {
		owned[i].Policy = proto.CloneOf(owned[i].Policy)
	}
	now := time.Now()
	if err := g.apply(owned, now); err != nil {
		return err
	}
	g.overrides, _ = split(owned, now)
	g.awaitExpiry()
	if g.serving {
		g.advise()
	}
	return nil
}

// awaitExpiry sees to it that the next override to expire does. The lock is held.
func (g *Gateway) awaitExpiry() {
	if g.expiry != nil {
		g.expiry.Stop()
		g.expiry = nil
	}
	var next time.Time
	for _, o := range g.overrides {
		if o.active(time.Now()) && !o.Expires.IsZero() && (next.IsZero() || o.Expires.Before(next)) {
			next = o.Expires
		}
	}
	if !next.IsZero() {
		g.expiry = time.AfterFunc(time.Until(next), g.expire)
	}
}

// expire leaves out what has expired since, and tells. What remains was valid with
// it, and may not be without; then everything stays as it is, and is reported.
func (g *Gateway) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.expiry == nil {
		return // closed, or replaced meanwhile
	}
	now := time.Now()
	remaining, expired := split(g.overrides, now)
	if err := g.apply(remaining, now); err != nil {
		g.options.Logger.Error("an override that has expired stays in force", "error", err)
		g.awaitExpiry()
		return
	}
	g.overrides = remaining
	if g.serving {
		g.advise()
	}
	for _, o := range expired {
		g.options.Logger.Info("override expired",
			"methods", o.Methods, "reason", o.Reason, "source", o.Source, "expired", o.Expires.Format(time.RFC3339))
		if g.options.OnOverrideExpired != nil {
			g.options.OnOverrideExpired(o)
		}
	}
	g.awaitExpiry()
}

// split returns the overrides that are active at now, and those that have expired.
func split(overrides []Override, now time.Time) (active, expired []Override) {
	for _, o := range overrides {
		if o.active(now) {
			active = append(active, o)
		} else {
			expired = append(expired, o)
		}
	}
	return active, expired
}

func (o Override) active(now time.Time) bool { return o.Expires.IsZero() || now.Before(o.Expires) }

func (o Override) matches(m *method) bool {
	return policy.Matches(o.Methods, m.service.Name+"/"+m.Name)
}

// where begins an error's text with the override's place.
func (o Override) where() string {
	if o.Source == "" {
		return "override of " + o.Methods
	}
	return o.Source + ": override of " + o.Methods
}

// apply builds every stack anew and puts them all into use, or none. The lock is
// held.
func (g *Gateway) apply(overrides []Override, now time.Time) error {
	next := g.generation.Next()
	errs := unmatched(overrides, g.methods)
	changed := make([]effective, len(g.methods))
	routes := make([][]assembly.Route, len(g.methods))
	for i, m := range g.methods {
		var err error
		changed[i], err = m.overridden(overrides, now)
		if err == nil {
			routes[i], err = g.environment.Build(m.under(changed[i].policy), next)
			err = changed[i].placed(err)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%s: %w", m.service.Name, m.Name, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for i, m := range g.methods {
		m.effective = changed[i]
		for j, rt := range m.routes {
			rt.served.Store(&routes[i][j])
		}
	}
	next.Adopt()
	g.generation = next
	g.allowKeyHeaders()
	return nil
}

// placed names the overrides with which stacks could not be built; without them
// they were.
func (e effective) placed(err error) error {
	if err == nil || len(e.overrides) == 0 {
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
func (m *method) overridden(overrides []Override, now time.Time) (effective, error) {
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
	return changed, errors.Join(errs...)
}
