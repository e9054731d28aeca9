package process

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// ownCommands are the names that no command of a program's may have.
var ownCommands = []string{"serve", "dev", "service", "policy", "config", "events", "apikey", "admintoken", "token", "version", "help"}

// cli is the command line that every program has. Each command's Run does its
// work.
type cli struct {
	Serve      serveCommand      `cmd:"" help:"Run the gateway in front of running upstreams."`
	Dev        devCommand        `cmd:"" help:"Run the gateway, and what upstreams this program has, in one process."`
	Policy     policyCommand     `cmd:"" help:"Show the effective policies."`
	Config     configCommand     `cmd:"" help:"Check and explain configuration files."`
	Events     eventsCommand     `cmd:"" help:"Look after events that could not be handled."`
	APIKey     apikeyCommand     `cmd:"" name:"apikey" help:"Make an API key."`
	AdminToken admintokenCommand `cmd:"" name:"admintoken" help:"Make a token for the admin address."`
	Token      tokenCommand      `cmd:"" help:"Print a development token."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// environment is what a command runs in.
type environment struct {
	program Program
	Invocation
}

func (e *environment) printf(format string, values ...any) error {
	_, err := fmt.Fprintf(e.Stdout, format, values...)
	return err
}

func execute(ctx context.Context, p Program, in Invocation) error {
	if own, args, found := p.command(in.Args); found {
		in.Args = args
		return own.Run(ctx, in)
	}
	exited := false // by --help
	parser, err := kong.New(&cli{}, append(p.ownCommandsHelp(),
		kong.Name(p.Name),
		kong.Description(literal(p.Description)),
		kong.Vars{"data": p.dataFolder(), "program": p.Name},
		kong.Writers(in.Stdout, in.Stderr),
		kong.Exit(func(int) { exited = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&environment{p, in}),
	)...)
	if err != nil {
		return err
	}
	command, err := parser.Parse(in.Args)
	if exited {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (see %s --help)", err, p.Name)
	}
	return command.Run()
}

// literal is text in which the parser finds no variable.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// command returns the program's own command that the arguments name, with the
// arguments that are its own.
func (p Program) command(args []string) (own Command, rest []string, found bool) {
	if len(args) == 0 {
		return Command{}, nil, false
	}
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return c, args[1:], true
		}
	}
	return Command{}, nil, false
}

// listed is a command of which the help shows the name.
type listed struct {
	Args []string `arg:"" optional:"" help:"See the command's own help."`
}

// ownCommandsHelp lists the commands that only some programs have.
func (p Program) ownCommandsHelp() []kong.Option {
	var all []kong.Option
	if len(p.Upstreams.local()) > 0 {
		all = append(all, kong.DynamicCommand("service", "Run one upstream that this program has in a process of its own.", "", &serviceCommand{}))
	}
	for _, c := range p.Commands {
		all = append(all, kong.DynamicCommand(c.Name, literal(c.Help), "", &listed{}))
	}
	return all
}
