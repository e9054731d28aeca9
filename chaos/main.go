// Command chaos breaks things around the real gateway and prints what its
// clients saw. docs/chaos.md says how to read it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. The backend is what run starts.
type cli struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Run scenarios (the default)."`
	Backend backendCommand `cmd:"" help:"Serve a scripted backend until SIGTERM."`
	Attack  attackCommand  `cmd:"" help:"Attack the gateway as hostile clients do, and print what came of it."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	var commands cli
	command := kong.Parse(&commands, kong.Name("chaos"), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}
