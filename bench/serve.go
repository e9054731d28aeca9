package main

import (
	"context"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/venta-hq/venta/bench/internal/backend"
	"github.com/venta-hq/venta/bench/internal/process"
	"github.com/venta-hq/venta/bench/internal/side"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// anyPort is where every process listens: nothing leaves the machine.
const anyPort = "127.0.0.1:0"

type backendCommand struct{}

// Run serves until the parent ends.
func (*backendCommand) Run(ctx context.Context) error {
	ctx, cancel := process.WithParent(ctx)
	defer cancel()
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		return err
	}
	if err := process.Announce(process.Addresses{Main: listener.Addr().String()}); err != nil {
		return err
	}
	return backend.Serve(ctx, listener)
}

type subjectCommand struct {
	Mode    subject.Mode `help:"bare, bare-squeezed, plain, venta, policies or cached." required:"" placeholder:"NAME"`
	Backend string       `help:"Target of the backend." required:"" placeholder:"TARGET"`
	Keys    string       `help:"Folder of the keys that sign tokens." required:"" placeholder:"DIR"`
	Routes  int          `help:"How many GET routes there are (default: the backend's own)." placeholder:"N"`
}

// Run serves until the parent ends.
func (c *subjectCommand) Run(ctx context.Context) error {
	ctx, cancel := process.WithParent(ctx)
	defer cancel()
	keys, err := devkeys.Open(c.Keys)
	if err != nil {
		return err
	}
	conn, err := subject.Dial(c.Mode, c.Backend)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the process ends with it
	handler, err := subject.NewHandler(subject.Options{Mode: c.Mode, Routes: c.Routes, Conn: conn, Keys: keys})
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", anyPort)
	if err != nil {
		return err
	}
	usage, err := net.Listen("tcp", anyPort)
	if err != nil {
		return err
	}
	if err := process.Announce(process.Addresses{Main: web.Addr().String(), Side: usage.Addr().String()}); err != nil {
		return err
	}
	serving, ctx := errgroup.WithContext(ctx)
	serving.Go(func() error { return subject.Serve(ctx, web, handler) })
	serving.Go(func() error { return subject.Serve(ctx, usage, side.Handler()) })
	return serving.Wait()
}
