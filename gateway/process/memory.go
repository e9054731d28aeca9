package process

import (
	"errors"
	"fmt"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// limitMemory has Go's collector mind the container's memory, of which it knows nothing
// by itself: without that, garbage of a burst ends a process that holds half as much.
// Nine tenths of it are Go's; GOMEMLIMIT and AUTOMEMLIMIT say otherwise.
func limitMemory(container memlimit.Provider) error {
	_, err := memlimit.Set(memlimit.WithProvider(container))
	if err == nil || errors.Is(err, memlimit.ErrNoCgroup) || errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		return nil // a machine without containers has no such limit
	}
	return fmt.Errorf("the container's memory: %w", err)
}
