package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/venta-hq/venta/gateway/config"
)

// Main is the main function of a program: it runs the command that the arguments
// name and exits, with 1 after an error, which it prints. SIGINT and SIGTERM
// drain the process, a second one ends it at once; SIGHUP has the configuration
// loaded again. Of a container's memory nine tenths are Go's (GOMEMLIMIT or
// AUTOMEMLIMIT say otherwise).
func Main(p Program) {
	if err := limitMemory(memlimit.FromCgroup); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal finds no handler and ends the process at once.
	context.AfterFunc(ctx, stop)
	hangup := make(chan os.Signal, 1)
	err := Execute(ctx, p, Invocation{
		Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
		Hangup: func() <-chan os.Signal {
			signal.Notify(hangup, syscall.SIGHUP)
			return hangup
		},
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

// Invocation is what a command is run with.
type Invocation struct {
	// Args are the arguments, without the program's name.
	Args []string
	// Environ is the environment in the form of os.Environ.
	Environ []string
	// Stdout takes what a command prints, Stderr the log. Default: nothing is
	// written.
	Stdout, Stderr io.Writer
	// Hangup, if set, is called once by a process that begins to start: from then
	// on each value has its configuration loaded again, as soon as it serves.
	Hangup func() <-chan os.Signal
}

// Execute runs the command that the arguments name. It reads and writes nothing
// global: no argument, variable, signal or logger but those of the invocation. Two
// libraries read variables of their own from the process's environment:
// OpenTelemetry some of OTEL_..., gRPC GRPC_... (such as the bootstrap of xDS).
// A server drains when ctx ends; the error is nil after an orderly end.
func Execute(ctx context.Context, p Program, in Invocation) error {
	if err := p.validate(); err != nil {
		return err
	}
	return execute(ctx, p, in.withDefaults())
}

func (in Invocation) withDefaults() Invocation {
	if in.Stdout == nil {
		in.Stdout = io.Discard
	}
	if in.Stderr == nil {
		in.Stderr = io.Discard
	}
	return in
}

// Options is how [Run] serves. The zero value serves the defaults of the
// configuration.
type Options struct {
	// ConfigFile is the configuration's YAML file. Default: none.
	ConfigFile string
	// Environ is the environment in the form of os.Environ, of which the
	// configuration is made as well. Default: empty.
	Environ []string
	// Settings are fields of the configuration that win over file and
	// environment, such as flags.
	Settings []config.Setting
	// Data is the folder for what the process keeps, such as the development
	// keys. Default: the program's name with a dot before it.
	Data string
	// Local runs the upstreams that the program can serve itself in this
	// process, and says that it is alone: what would be shared is counted here.
	Local bool
	// Log takes the log. Default: nothing is written.
	Log io.Writer
	// Hangup, if set, is called once as the process begins to start: from then on
	// each value has its configuration loaded again, as soon as it serves.
	Hangup func() <-chan os.Signal
	// OnStart, if set, is told once the process serves. An error ends it.
	OnStart func(Started) error
}

// Run serves the program's gateway until ctx ends, and then drains. The error
// says why it could not start, which part has failed, or what had to be cut off.
func Run(ctx context.Context, p Program, o Options) error {
	if err := p.validate(); err != nil {
		return err
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Data == "" {
		o.Data = p.dataFolder()
	}
	logs := newProcessLog(o.Log)
	return errors.Join(run(ctx, p, o, logs), logs.Close())
}

func run(ctx context.Context, p Program, o Options, logs *processLog) error {
	loaded, err := config.Load(p.configOptions(o))
	if err != nil {
		return err
	}
	running, err := start(ctx, p, o, loaded, logs)
	if err != nil {
		return err
	}
	return running.serve(ctx, func() error {
		if o.OnStart == nil {
			return nil
		}
		return o.OnStart(running.started())
	})
}

// configOptions says what the configuration is made of.
func (p Program) configOptions(o Options) config.Options {
	return config.Options{
		File: o.ConfigFile, Environ: o.Environ, Flags: o.Settings,
		Upstreams: p.Upstreams.targets(o.Local), Extensions: p.Extensions,
	}
}
