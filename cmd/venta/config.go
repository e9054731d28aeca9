package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// configCommand helps with configuration files.
type configCommand struct {
	Check  configCheckCommand  `cmd:"" help:"Check a configuration file and the environment."`
	Schema configSchemaCommand `cmd:"" help:"Print the JSON Schema of configuration files, for editors."`
	Sample configSampleCommand `cmd:"" help:"Print a commented configuration file with every default."`
}

type configCheckCommand struct {
	File string `arg:"" help:"Configuration file (YAML)." placeholder:"FILE"`
}

// Run prints "ok", or fails with everything that is wrong.
func (c *configCheckCommand) Run() error {
	loaded, err := config.Load(configOptions(c.File, nil))
	if err != nil {
		return err
	}
	gw, err := unserved(loaded.Config)
	if err != nil {
		return err
	}
	if err := errors.Join(gw.Override(overrides(loaded)), gw.Close()); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
}

type configSchemaCommand struct{}

// Run prints the schema.
func (*configSchemaCommand) Run() error {
	schema, err := config.JSONSchema(configOptions("", nil))
	if err != nil {
		return err
	}
	_, err = fmt.Print(schema)
	return err
}

type configSampleCommand struct{}

// Run prints the sample.
func (*configSampleCommand) Run() error {
	sample, err := config.Sample(configOptions("", nil))
	if err != nil {
		return err
	}
	_, err = fmt.Print(sample)
	return err
}

// configOptions says what the process is configured by.
func configOptions(path string, flags []config.Setting) config.Options {
	return config.Options{File: path, Environ: os.Environ(), Flags: flags, Upstreams: defaultTargets}
}

// upstreamOptions returns how connections are kept.
func upstreamOptions(c *configv1.Connection) upstream.Options {
	options := upstream.Options{
		ConnectionsPerAddress: int(c.GetConnectionsPerAddress()),
		ConnectTimeout:        c.GetConnectTimeout().AsDuration(),
		BackoffBase:           c.GetBackoffBase().AsDuration(),
		BackoffMax:            c.GetBackoffMax().AsDuration(),
		KeepaliveTime:         c.GetKeepaliveTime().AsDuration(),
		KeepaliveTimeout:      c.GetKeepaliveTimeout().AsDuration(),
		KeepaliveWhenIdle:     c.GetKeepaliveWhenIdle(),
		NeverIdle:             c.GetNeverIdle(),
		ResolveInterval:       c.GetResolveInterval().AsDuration(),
		SlowStart:             c.GetSlowStart().AsDuration(),
		HealthCheck: upstream.HealthCheck{
			Disabled: c.GetHealthCheck().GetDisabled(),
			Service:  c.GetHealthCheck().GetService(),
		},
		MaxReceiveBytes:       int(c.GetMaxReceiveBytes()),
		MaxSendBytes:          int(c.GetMaxSendBytes()),
		StreamWindowBytes:     c.GetStreamWindowBytes(),
		ConnectionWindowBytes: c.GetConnectionWindowBytes(),
	}
	if ramp := c.GetEjectionReturn(); ramp != nil {
		options.EjectionReturn = ramp.AsDuration()
		if options.EjectionReturn == 0 {
			options.EjectionReturn = -1 // at once
		}
	}
	if !c.GetNeverIdle() {
		options.IdleTimeout = c.GetIdleTimeout().AsDuration()
	}
	if files := c.GetTls(); files != nil {
		options.TLS = &upstream.TLS{
			CAFile: files.GetCaFile(), CertFile: files.GetCertFile(), KeyFile: files.GetKeyFile(), ServerName: files.GetServerName(),
		}
	}
	return options
}

// overrides returns the configured overrides, each with its place.
func overrides(loaded *config.Loaded) []gateway.Override {
	var all []gateway.Override
	for i, o := range loaded.Config.GetOverrides() {
		expires, _ := time.Parse(time.RFC3339, o.GetExpires()) // checked; zero where it is empty
		all = append(all, gateway.Override{
			Methods: o.GetMethods(),
			Policy:  o.GetPolicy(),
			Expires: expires,
			Reason:  o.GetReason(),
			Source:  loaded.Source(fmt.Sprintf("overrides[%d]", i)).String(),
		})
	}
	return all
}

// unserved returns a gateway without upstreams, for those who only ask about
// policies. It must be closed.
func unserved(cfg *configv1.Config) (*gateway.Gateway, error) {
	conn, err := upstream.New("passthrough:///nowhere", upstream.Options{}) // it connects with the first call
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	gw, err := gateway.New(gateway.Options{
		Verifier: &auth.JWT{},
		APIKeys:  &auth.APIKeys{},
		// With Redis it would share limits; here nobody counts.
		RateLimits: gateway.RateLimitOptions{Alone: len(cfg.GetRedis().GetAddresses()) > 0},
	})
	if err != nil {
		return nil, err
	}
	conns := map[string]grpc.ClientConnInterface{}
	for _, name := range serviceNames {
		conns[name] = conn
	}
	return gw, register(gw, conns)
}

// effective returns what a gateway with this configuration holds its RPCs to.
func (c *policyCommand) effective() ([]gateway.EffectivePolicy, error) {
	loaded, err := config.Load(configOptions(c.Config, nil))
	if err != nil {
		return nil, err
	}
	gw, err := unserved(loaded.Config)
	if err != nil {
		return nil, err
	}
	err = gw.Override(overrides(loaded))
	return gw.Policies(), errors.Join(err, gw.Close())
}
