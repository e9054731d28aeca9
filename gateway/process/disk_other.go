//go:build !linux && !darwin

package process

import "errors"

// spaceOf knows nothing here.
func spaceOf(string) (space, error) { return space{}, errors.ErrUnsupported }
