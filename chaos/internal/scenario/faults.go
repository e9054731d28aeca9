package scenario

import (
	"context"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// set returns the step that gives the network in front of a backend a fault.
func set(b *stage.Backend, f faultproxy.Fault) func() error {
	return func() error {
		b.Set(f)
		return nil
	}
}

// plays gives a backend a script.
func plays(ctx context.Context, s backend.Script) func(*stage.Backend) error {
	return func(b *stage.Backend) error { return b.Play(ctx, s) }
}

// dies makes a backend unreachable, as if nothing ran at its address.
func dies(b *stage.Backend) error {
	b.Refuse()
	return nil
}

// each returns the step that does something to all backends.
func each(do func(*stage.Backend) error, all []*stage.Backend) func() error {
	return func() error {
		for _, b := range all {
			if err := do(b); err != nil {
				return err
			}
		}
		return nil
	}
}
