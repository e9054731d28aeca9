// Package process runs this program again as a child: the backend and the
// gateways under load are processes of their own.
package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

const (
	startTime = 20 * time.Second
	stopTime  = 5 * time.Second
)

// Addresses is the first line that a child writes, as JSON.
type Addresses struct {
	Main string // what the child serves
	Side string // see package side; "" where there is none
}

// Announce tells the parent that the child serves.
func Announce(a Addresses) error { return json.NewEncoder(os.Stdout).Encode(a) }

// WithParent returns a context that ends when the parent has closed this
// process's standard input, by intent or by its death.
func WithParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
	}()
	return ctx, cancel
}

// Child is a running child.
type Child struct {
	Addresses
	cmd    *exec.Cmd
	cancel context.CancelFunc
}

// Start runs this program with the arguments and waits for what it announces.
// It ends at [Child.Stop] or with ctx. maxProcs is its GOMAXPROCS.
func Start(ctx context.Context, maxProcs int, args ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Child{cancel: cancel, cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(maxProcs))
	c.cmd.Stderr = os.Stderr
	if err := c.start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting %q: %w", args, err)
	}
	return c, nil
}

func (c *Child) start() error {
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	// Asked to end, a child has stopTime before it is killed.
	c.cmd.Cancel = stdin.Close
	c.cmd.WaitDelay = stopTime
	if err := c.cmd.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(startTime, func() { _ = stdin.Close() })
	defer late.Stop()
	if err := json.NewDecoder(stdout).Decode(&c.Addresses); err != nil {
		return errors.Join(fmt.Errorf("it did not announce its addresses: %w", err), c.Stop())
	}
	return nil
}

// Stop ends the child and waits for it.
func (c *Child) Stop() error {
	c.cancel()
	err := c.cmd.Wait()
	if errors.Is(err, context.Canceled) { // what Stop itself has done
		return nil
	}
	return err
}
