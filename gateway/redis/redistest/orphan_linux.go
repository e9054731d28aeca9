package redistest

import "syscall"

// dieWithParent ends a server even where the test's process is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
