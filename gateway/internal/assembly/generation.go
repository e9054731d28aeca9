package assembly

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/venta-hq/venta/gateway/policy"
)

// Generation is what the policies of one generation of stacks remember between
// requests, in parts: counts, breakers, budgets. Each has the name of what it
// belongs to, such as "shop.v1.OrderService.GetOrder/retry", or a
// service's for what its RPCs share. Stacks that are built anew take over each
// part whose policy has not changed.
//
// A generation is built by one goroutine and adopted once. Then it reaches nothing
// of the generation before but the parts that it has taken over.
type Generation struct {
	before map[string]*part // until it is adopted
	now    map[string]*part
	// pinned parts belong to stacks that are never built anew: those on a mux of
	// the program's own.
	pinned map[string]*part
	pins   bool // what is built now
}

// part is a piece of state and the settings that it was made by.
type part struct {
	settings any
	value    any
	owner    string // an RPC that has it, where others of any service may share it
	// adopted, where set, is called when the part comes into use, and dropped when
	// no stack has it any more.
	adopted, dropped func()
}

// errUnequal says that two RPCs give one part different settings.
var errUnequal = errors.New("it is shared, with settings that differ from another method's; make them equal")

// NewGeneration returns a generation without parts.
func NewGeneration() *Generation {
	return &Generation{now: map[string]*part{}, pinned: map[string]*part{}}
}

// Next returns the generation after an adopted one, for stacks that take the
// place of all others.
func (g *Generation) Next() *Generation {
	return &Generation{before: g.now, now: map[string]*part{}, pinned: g.pinned}
}

// Extend returns the generation after an adopted one, for stacks that come to the
// others.
func (g *Generation) Extend() *Generation {
	return &Generation{before: g.now, now: maps.Clone(g.now), pinned: g.pinned}
}

// ExtendPinned is Extend for stacks that will never be built anew. Their parts stay
// as long as there are generations.
func (g *Generation) ExtendPinned() *Generation {
	return &Generation{before: g.now, now: maps.Clone(g.now), pinned: maps.Clone(g.pinned), pins: true}
}

// Adopt puts the generation's parts into use, drops those of the generation
// before that it has not taken over, and forgets that one.
func (g *Generation) Adopt() {
	for _, name := range slices.Sorted(maps.Keys(g.before)) {
		if old := g.before[name]; old.dropped != nil && g.now[name] != old && g.pinned[name] != old {
			old.dropped()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.now)) {
		if p := g.now[name]; p.adopted != nil && g.before[name] != p {
			p.adopted()
		}
	}
	g.before = nil
}

// Drop ends the use of all parts. Nothing comes after it.
func (g *Generation) Drop() {
	all := maps.Clone(g.pinned)
	maps.Copy(all, g.now)
	(&Generation{before: all}).Adopt()
}

// Parts returns the parts by name, for tests that count what is left of them.
func (g *Generation) Parts() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for name, p := range g.now {
			if !yield(name, p.value) {
				return
			}
		}
	}
}

// find returns the part of that name: the one that this generation has, else one
// of the generation before or a pinned one whose settings are equal, else nil.
func (g *Generation) find(name string, settings any) (*part, error) {
	if p := g.now[name]; p != nil {
		if !policy.Equal(p.settings, settings) {
			return nil, errUnequal
		}
		return p, nil
	}
	for _, old := range []*part{g.before[name], g.pinned[name]} {
		if old != nil && policy.Equal(old.settings, settings) {
			return old, nil
		}
	}
	return nil, nil
}

// predecessor returns the value that a part of that name had in the generation
// before, by other settings; nil where it had none.
func (g *Generation) predecessor(name string) any {
	if old := g.before[name]; old != nil {
		return old.value
	}
	return nil
}

// keep returns the part of that name, and makes it where there is none.
func (g *Generation) keep(name string, settings any, build func() (*part, error)) (*part, error) {
	p, err := g.find(name, settings)
	if p == nil && err == nil {
		if p, err = build(); err == nil {
			p.settings = settings
		}
	}
	if err != nil {
		return nil, err
	}
	g.now[name] = p
	if g.pins {
		g.pinned[name] = p
	}
	return p, nil
}

// remembered returns the state of an owner's block, which passes from one
// generation to the next while the settings stay. With an error it returns nothing
// and keeps that.
func remembered[T any](b *builder, owner, block string, settings any, build func() (*part, error)) (value T) {
	p, err := b.generation.keep(owner+"/"+block, settings, build)
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("%s: %w", block, err))
		return value
	}
	return p.value.(T)
}

// newPart returns a part that nobody is told of.
func newPart[T any](value T, err error) (*part, error) { return &part{value: value}, err }
