// Command print writes the schemas of others that Venta's own import into a
// folder, so that buf compiles them without a registry. It is the part of
// `venta schemas` that this repository builds itself with.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/venta-hq/venta/internal/schemas"
)

func main() {
	out := flag.String("out", "third_party", "the `folder` to write to")
	flag.Parse()
	files, err := schemas.ThirdParty()
	if err == nil {
		_, err = schemas.Write(*out, files, false)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}
