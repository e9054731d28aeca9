package process

import "syscall"

// endWithParent kills a child whose parent was killed before it could end it.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
