// Command venta runs the reference system: a gateway, and the services of a
// marketplace of street vendors. What every program has (serve, dev, service,
// policy, config, apikey, token, version) is package gateway/process; what is
// here is about vendors.
package main

import (
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
		Welcome:     welcome,
	}
}
