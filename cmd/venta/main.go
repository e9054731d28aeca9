// Command venta runs the reference system: a gateway, and the services of a
// marketplace of street vendors. What every program has (serve, dev, service,
// policy, config, apikey, token, version) is package gateway/process; what is
// here is about vendors, and the tools for projects of others: init, schemas and
// generate.
package main

import (
	"context"

	"github.com/venta-hq/venta/cmd/venta/internal/starter"
	"github.com/venta-hq/venta/gateway/process"
)

func main() { process.Main(program()) }

// program is the reference system.
func program() process.Program {
	return process.Program{
		Name:        "venta",
		Description: "Venta turns annotated .proto files into a resilient API gateway. This is its reference system.",
		Upstreams:   upstreams(),
		Extensions:  extensions(),
		Events:      openLog,
		EventPurges: eventPurges(),
		Welcome:     welcome,
		Commands:    tools(),
	}
}

// tools are the commands for projects of others.
func tools() []process.Command {
	var all []process.Command
	for _, c := range starter.Commands() {
		all = append(all, process.Command{Name: c.Name, Help: c.Help, Run: func(ctx context.Context, in process.Invocation) error {
			return c.Run(ctx, in.Args, in.Stdout, in.Stderr)
		}})
	}
	return all
}
