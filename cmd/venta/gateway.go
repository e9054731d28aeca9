package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
	"github.com/venta-hq/venta/gateway/upstream/xds"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// Addresses are the flags of everything that serves HTTP. Set, they win over
// the configuration file.
type Addresses struct {
	HTTP  string `name:"http" help:"Address of the REST routes (default 127.0.0.1:8080)." placeholder:"HOST:PORT"`
	Admin string `help:"Address of health and operations (default 127.0.0.1:8081)." placeholder:"HOST:PORT"`
}

// gatewayCommand runs the gateway alone.
type gatewayCommand struct {
	Addresses
	Data     string `help:"Folder of the development keys." default:".venta" placeholder:"DIR"`
	Config   string `help:"Configuration file (YAML)." placeholder:"FILE"`
	Vendor   string `help:"Target of the vendor service (default 127.0.0.1:9001)." placeholder:"TARGET"`
	User     string `help:"Target of the user service (default 127.0.0.1:9002)." placeholder:"TARGET"`
	Location string `help:"Target of the location service (default 127.0.0.1:9003)." placeholder:"TARGET"`
}

// Run serves until ctx ends.
func (c *gatewayCommand) Run(ctx context.Context, logs *processLog) error {
	options := configOptions(c.Config, append(c.settings(),
		config.Setting{From: "--vendor", Field: "upstreams.vendor.target", Value: c.Vendor},
		config.Setting{From: "--user", Field: "upstreams.user.target", Value: c.User},
		config.Setting{From: "--location", Field: "upstreams.location.target", Value: c.Location},
	))
	loaded, err := config.Load(options)
	if err != nil {
		return err
	}
	cfg := loaded.Config
	verifier, err := openVerifier(cfg, c.Data)
	if err != nil {
		return err
	}
	conns, err := dialAll(loaded)
	if err != nil {
		return err
	}
	app, err := newApp("venta-gateway", cfg, logs)
	if err != nil {
		return err
	}
	if err := app.addGateway(ctx, fleet{loaded: loaded, verifier: verifier, conns: conns}); err != nil {
		return app.abandon(err)
	}
	if err := app.addReloading(options, loaded); err != nil {
		return app.abandon(err)
	}
	fmt.Printf("Venta's gateway serves REST on %s and health on %s.\n", app.httpURL, app.adminURL)
	return app.serve(ctx)
}

func dialAll(loaded *config.Loaded) (map[string]*upstream.Conn, error) {
	conns := map[string]*upstream.Conn{}
	for _, name := range serviceNames {
		target := loaded.Upstream(name).GetTarget()
		open := upstream.New
		if strings.HasPrefix(target, "xds:") {
			open = xds.New
		}
		conn, err := open(target, upstreamOptions(loaded.Upstream(name).GetConnection()))
		if err != nil {
			return nil, err
		}
		conns[name] = conn
	}
	return conns, nil
}

// settings returns what the flags set in the configuration.
func (a Addresses) settings() []config.Setting {
	return []config.Setting{
		{From: "--http", Field: "http", Value: a.HTTP},
		{From: "--admin", Field: "admin", Value: a.Admin},
	}
}

// openVerifier checks tokens with the configured keys, or with the development
// keys of the data folder.
func openVerifier(cfg *configv1.Config, data string) (*auth.JWT, error) {
	if file := cfg.GetAuth().GetJwksFile(); file != "" {
		keys, err := auth.LoadKeys(file)
		if err != nil {
			return nil, err
		}
		return auth.NewJWT(auth.JWTOptions{
			Keys:     keys,
			Issuer:   cfg.GetAuth().GetIssuer(),
			Audience: orElse(cfg.GetAuth().GetAudience(), devkeys.Audience),
		})
	}
	keys, err := devkeys.Open(data)
	if err != nil {
		return nil, err
	}
	return auth.NewJWT(auth.JWTOptions{
		Keys:     keys.Public(),
		Issuer:   orElse(cfg.GetAuth().GetIssuer(), devkeys.Issuer),
		Audience: orElse(cfg.GetAuth().GetAudience(), devkeys.Audience),
	})
}

func orElse(value, unset string) string {
	if value == "" {
		return unset
	}
	return value
}
