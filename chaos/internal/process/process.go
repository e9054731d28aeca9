// Package process runs the programs of a scenario as processes of their own and
// ends each of them by its id.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	startTime = 30 * time.Second
	// stopTime is how long a process may take to end after SIGTERM. It is longer
	// than the gateway's drain.
	stopTime = 45 * time.Second
)

// Process is a running program. Its methods are for one goroutine at a time,
// but for [Process.Log] and [Process.Exited].
type Process struct {
	// Announced holds the groups of the line that told that it serves.
	Announced []string

	name   string
	cmd    *exec.Cmd
	output *output
	exited chan struct{}
}

// Start runs the program and waits until a line of its standard output matches
// ready. ctx bounds the start, not the process's life.
func Start(ctx context.Context, ready *regexp.Regexp, program string, args ...string) (*Process, error) {
	p := &Process{
		name:   program + " " + strings.Join(args, " "),
		cmd:    exec.Command(program, args...),
		output: newOutput(ready),
		exited: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, &p.output.errors
	p.cmd.SysProcAttr = endWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the exit code is in ProcessState
	}()
	if err := p.awaitReady(ctx); err != nil {
		p.Kill()
		return nil, fmt.Errorf("starting %s: %w\n%s", p.name, err, p.Log())
	}
	return p, nil
}

func (p *Process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case p.Announced = <-p.output.ready:
		return nil
	case <-p.exited:
		return fmt.Errorf("it ended with exit code %d", p.cmd.ProcessState.ExitCode())
	case <-ctx.Done():
		return fmt.Errorf("it does not announce that it serves: %w", ctx.Err())
	}
}

// Signal sends a signal, such as SIGHUP or SIGSTOP.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop asks the process to end, with SIGTERM, and waits for it. An exit code
// other than 0 is an error; a process that does not end is killed, and that is
// an error too.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, stopTime)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s: exit code %d", p.name, code)
	}
	return nil
}

// Kill ends the process at once and waits for that. It may have ended before.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Log returns the last of what the process wrote. It is safe for concurrent use.
func (p *Process) Log() string { return p.output.log() }
