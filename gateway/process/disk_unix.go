//go:build linux || darwin

package process

import "syscall"

// spaceOf asks the system.
func spaceOf(path string) (space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return space{}, err
	}
	block := int64(s.Bsize) //nolint:unconvert // of another type on darwin
	return space{size: int64(s.Blocks) * block, free: int64(s.Bavail) * block, reserved: int64(s.Bfree-s.Bavail) * block}, nil
}
