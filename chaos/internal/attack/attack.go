// Package attack holds what hostile and clumsy clients send to the gateway: each
// attack sends it to the real binary and tells what came of it, beside what
// should have.
package attack

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

// limit bounds an attack; nothing runs that long unless it fails.
const limit = 2 * time.Minute

// Attack is one thing that a client does to others.
type Attack struct {
	// Part is what the attack is on: "upstream", "blame", "stored" or "held".
	Part string
	Name string
	// Expected is what must come of it.
	Expected string
	// Short tells that the attack is part of the short form.
	Short bool

	config string // of the gateway, as YAML; "" for the part's
	run    func(ctx context.Context, t *target) (got string, err error)
}

// All returns the attacks in the order in which they run.
func All() []Attack {
	var all []Attack
	for _, part := range [][]Attack{travelling(), blaming(), storing(), holding()} {
		all = append(all, part...)
	}
	return all
}

// Result is what came of an attack.
type Result struct {
	Part, Name, Expected, Got string
	Took                      time.Duration
}

// OK reports whether it is what should have.
func (r Result) OK() bool { return r.Expected == r.Got }

// Run carries the attack out on a gateway of its own.
func (a Attack) Run(ctx context.Context, site *stage.Site) Result {
	began := time.Now()
	result := Result{Part: a.Part, Name: a.Name, Expected: a.Expected}
	got, err := a.onTarget(ctx, site)
	if err != nil {
		got = fmt.Sprintf("could not be carried out: %v", err)
	}
	result.Got, result.Took = got, time.Since(began)
	return result
}

func (a Attack) onTarget(ctx context.Context, site *stage.Site) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t, err := newTarget(ctx, site, a.config)
	if err != nil {
		return "", err
	}
	defer t.end()
	return a.run(ctx, t)
}
