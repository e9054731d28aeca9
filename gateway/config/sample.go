package config

import (
	_ "embed" // the sample
	"fmt"
	"strings"
)

// sample sets every default of the core, with comments, and shows what has none.
//
//go:embed sample.yaml
var sample string

// upstreamsHere is the line of the sample in whose place the program's upstreams
// are shown.
const upstreamsHere = "  # The upstreams of the program.\n"

// Sample returns a commented configuration file with every field of the core and
// of the program's extensions. As it stands it says what an empty file says. The
// error is for the programmer.
//
// Lines that are no comments give a default; commented lines without a space
// after "#", or with several, show what has none. The samples of extensions are
// written alike.
func Sample(o Options) (string, error) {
	p, err := newProgram(o)
	if err != nil {
		return "", err
	}
	var upstreams strings.Builder
	for _, name := range p.names {
		if target := p.targets[name]; target != "" {
			fmt.Fprintf(&upstreams, "  %s:\n    target: %q\n", name, target)
		} else {
			fmt.Fprintf(&upstreams, "#  %s:\n#    target: HOST:PORT # required\n", name)
		}
	}
	var text strings.Builder
	text.WriteString(strings.Replace(sample, upstreamsHere, upstreams.String(), 1))
	for _, e := range p.extensions {
		if own := strings.Trim(e.Sample, "\n"); own != "" {
			text.WriteString("\n" + own + "\n")
		}
	}
	return text.String(), nil
}
