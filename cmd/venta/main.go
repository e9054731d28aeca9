// Command venta runs the gateway and the services of its reference system.
//
//	venta dev               everything in one process, nothing to install
//	venta gateway           the gateway alone, in front of running services
//	venta service NAME      one service: vendor, user or location
//	venta token             a development token
//	venta config            check a configuration file; print its schema or a sample
//	venta policy            the effective policy of every RPC
//	venta apikey            a new API key
package main

import (
	"context"
	"errors"
	"fmt"
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
	Config  configCommand  `cmd:"" help:"Check and explain configuration files."`
	Policy  policyCommand  `cmd:"" help:"Print the effective policy of every RPC."`
	APIKey  apikeyCommand  `cmd:"" name:"apikey" help:"Make an API key."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal finds no handler and ends the process at once.
	context.AfterFunc(ctx, stop)
	logs := newProcessLog(os.Stderr)
	err := errors.Join(run(ctx, logs, os.Args[1:]), logs.Close())
	if err != nil {
		fmt.Fprintln(os.Stderr, "venta:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, logs *processLog, args []string) error {
	parser, err := kong.New(&cli{},
		kong.Name("venta"),
		kong.Description("Venta turns annotated .proto files into a resilient API gateway."),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(logs),
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
