// Command bench compares the gateway with its peers: stock grpc-gateway and
// plain net/http. It runs the backend, every gateway and the load generator as
// processes of their own, measures all of them in rounds on one machine, and
// writes one table. README.md says how to read it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Subject and backend are what run starts.
type cli struct {
	Run     runCommand     `cmd:"" default:"withargs" help:"Measure and compare (the default)."`
	Fleet   fleetCommand   `cmd:"" help:"Compare limits and cache over Redis with the same by hand; writes bench/FLEET.md."`
	Subject subjectCommand `cmd:"" help:"Serve one of the gateways that are compared, until standard input ends."`
	Backend backendCommand `cmd:"" help:"Serve the gRPC service behind them, until standard input ends."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	var commands cli
	command := kong.Parse(&commands, kong.Name("bench"), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
