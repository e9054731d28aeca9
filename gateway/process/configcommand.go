package process

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
	"github.com/venta-hq/venta/gateway/webhook"
)

// configCommand helps with configuration files.
type configCommand struct {
	Check  configCheckCommand  `cmd:"" help:"Check a configuration file and the environment as the start does."`
	Schema configSchemaCommand `cmd:"" help:"Print the JSON Schema of configuration files, for editors."`
	Sample configSampleCommand `cmd:"" help:"Print a commented configuration file with every default."`
}

type configCheckCommand struct {
	File    string `arg:"" help:"Configuration file (YAML)." placeholder:"FILE"`
	DevKeys bool   `help:"Check it as serve --dev-keys starts with it."`
	NoFiles bool   `help:"Leave out what only the machine that will serve has: secrets, keys, certificates and the xDS bootstrap."`
}

// Run prints "ok", or fails with everything that is wrong. What is right and
// worth a look goes to standard error.
func (c *configCheckCommand) Run(e *environment) error {
	options := e.program.configOptions(Options{ConfigFile: c.File, Environ: e.Environ})
	options.NoFiles = c.NoFiles
	options.Flags = append(options.Flags, devKeysSetting(c.DevKeys))
	loaded, err := config.Load(options)
	if err != nil {
		return err
	}
	if _, err := e.program.telemetryConfig(e.program.Name, loaded, e.Environ); err != nil {
		return err
	}
	gw, err := e.program.unserved(loaded, c.NoFiles, loaded.Config.GetAuth().GetDevelopmentKeys())
	if err != nil {
		return keyless(loaded, err)
	}
	var notes []string
	for _, note := range append(loaded.Notices(time.Now()), loaded.Unread()...) {
		notes = append(notes, note.Error())
	}
	for _, advice := range gw.Advice() {
		notes = append(notes, advice.String())
	}
	if err := gw.Close(); err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := fmt.Fprintf(e.Stderr, "note: %s\n", note); err != nil {
			return err
		}
	}
	return e.printf("ok\n")
}

type configSchemaCommand struct{}

// Run prints the schema.
func (*configSchemaCommand) Run(e *environment) error {
	schema, err := config.JSONSchema(e.program.configOptions(Options{}))
	if err != nil {
		return err
	}
	return e.printf("%s", schema)
}

type configSampleCommand struct{}

// Run prints the sample.
func (*configSampleCommand) Run(e *environment) error {
	sample, err := config.Sample(e.program.configOptions(Options{}))
	if err != nil {
		return err
	}
	return e.printf("%s", sample)
}

// unserved returns the gateway that a configuration makes, with connections that
// reach nobody, for those who only inspect it. Without devKeys an RPC that asks for
// tokens needs configured keys. It must be closed.
func (p Program) unserved(loaded *config.Loaded, noFiles, devKeys bool) (*gateway.Gateway, error) {
	ready, err := prepare(preparation{
		program: p, loaded: loaded, noFiles: noFiles,
		devKeys: func() (auth.Verifier, error) {
			if !devKeys {
				return nil, nil
			}
			return unready{}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	conns := connections{}
	defer func() { _ = conns.Close() }() // nothing was sent
	if err := conns.pretend(loaded, ready.upstreams, noFiles); err != nil {
		return nil, err
	}
	options := p.gatewayOptions(loaded, ready)
	options.Webhooks = webhook.NewSecrets(ready.webhooks, pretendedSecret(devKeys))
	options.RateLimits.Alone = ready.redis != nil // with Redis limits would be shared; here nobody counts
	gw, err := p.newGateway(options, conns.called())
	if err != nil {
		return nil, err
	}
	if err := gw.Override(ready.overrides); err != nil {
		return nil, errors.Join(err, gw.Close())
	}
	return gw, nil
}

// pretend makes the connections that a start would, and connects to nobody.
func (c connections) pretend(loaded *config.Loaded, options map[string]upstream.Options, noFiles bool) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(options)) {
		o := options[name]
		o.NeverIdle = false // which connects at once
		target := loaded.Upstream(name).GetTarget()
		if noFiles && strings.HasPrefix(target, "xds:") {
			target = inMemoryTarget(name)
		}
		conn, err := dial(target, o)
		if err != nil {
			errs = append(errs, loaded.Fault("upstreams."+name, err.Error()))
			continue
		}
		c[name] = conn
	}
	return errors.Join(errs...)
}

// effective returns what a gateway with this configuration holds its RPCs to. Where
// its upstreams are does not matter for that.
func (p Program) effective(o Options) (*gateway.Gateway, error) {
	options := p.uncalled(o)
	options.NoFiles = true
	loaded, err := config.Load(options)
	if err != nil {
		return nil, err
	}
	return p.unserved(loaded, true, true)
}

// uncalled are configOptions for those who call no upstream, so that none needs a
// target.
func (p Program) uncalled(o Options) config.Options {
	options := p.configOptions(o)
	for name, target := range options.Upstreams {
		options.Upstreams[name] = cmp.Or(target, inMemoryTarget(name))
	}
	return options
}
