package process

import (
	"cmp"
	"runtime/debug"
)

// versionCommand prints what the program is built of.
type versionCommand struct{}

// gatewayModule is the module that this package belongs to.
const gatewayModule = "github.com/venta-hq/venta"

// Run prints the program's version, and those of the gateway and of Go.
func (*versionCommand) Run(e *environment) error {
	runtime, compiler := "unknown", "unknown"
	if build, ok := debug.ReadBuildInfo(); ok {
		runtime, compiler = moduleVersion(build), build.GoVersion
	}
	return e.printf("%s %s (gateway %s, %s)\n", e.program.Name, e.program.version(), runtime, compiler)
}

// version returns the program's, or that of the build's main module.
func (p Program) version() string {
	version := p.Version
	if build, ok := debug.ReadBuildInfo(); ok {
		version = cmp.Or(version, build.Main.Version)
	}
	return cmp.Or(version, "unknown")
}

// moduleVersion returns the version of the gateway's module in a build.
func moduleVersion(build *debug.BuildInfo) string {
	if build.Main.Path == gatewayModule {
		return build.Main.Version
	}
	for _, dependency := range build.Deps {
		if dependency.Path == gatewayModule {
			return dependency.Version
		}
	}
	return "unknown"
}
