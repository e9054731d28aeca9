package starter

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Command is one of this package's commands, for whatever command line has it.
type Command struct {
	Name string
	// Help is one sentence.
	Help    string
	grammar func() any
}

// Commands returns all.
func Commands() []Command {
	return []Command{
		{"init", "Write a new project.", func() any { return &InitCommand{} }},
		{"schemas", "Write every schema that an API may import.", func() any { return &SchemasCommand{} }},
		{"generate", "Run the plugins of buf.gen.yaml where buf is not installed.", func() any { return &GenerateCommand{} }},
	}
}

// Run runs the command. args are those after its name.
func (c Command) Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	exited := false // by --help
	parser, err := kong.New(c.grammar(),
		kong.Name("venta "+c.Name),
		kong.Description(c.Help),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if exited {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (see venta %s --help)", err, c.Name)
	}
	return parsed.Run()
}
