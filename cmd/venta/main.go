// Command venta runs the gateway and the services of its reference system.
//
//	venta dev               everything in one process, nothing to install
//	venta gateway           the gateway alone, in front of running services
//	venta service NAME      one service: vendor, user or location
//	venta token             a development token
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command's Run does its work.
type cli struct {
	Dev     devCommand     `cmd:"" help:"Run the gateway and all services in one process."`
	Gateway gatewayCommand `cmd:"" help:"Run the gateway in front of running services."`
	Service serviceCommand `cmd:"" help:"Run one service."`
	Token   tokenCommand   `cmd:"" help:"Print a development token."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal finds no handler and ends the process at once.
	context.AfterFunc(ctx, stop)
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "venta:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	parser, err := kong.New(&cli{},
		kong.Name("venta"),
		kong.Description("Venta turns annotated .proto files into a resilient API gateway."),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see venta --help)", err)
	}
	return command.Run()
}
