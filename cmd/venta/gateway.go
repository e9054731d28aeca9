package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/upstream"
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
func (c *gatewayCommand) Run(ctx context.Context) error {
	cfg, err := loadConfig(c.Config, c.Addresses)
	if err != nil {
		return err
	}
	override(&cfg.Upstreams.Vendor, c.Vendor)
	override(&cfg.Upstreams.User, c.User)
	override(&cfg.Upstreams.Location, c.Location)
	verifier, err := openVerifier(cfg, c.Data)
	if err != nil {
		return err
	}
	conns, err := dialAll(cfg.GetUpstreams())
	if err != nil {
		return err
	}
	app, err := newApp("venta-gateway", cfg.GetTelemetry())
	if err != nil {
		return err
	}
	if err := app.addGateway(cfg, verifier, conns); err != nil {
		return app.abandon(err)
	}
	fmt.Printf("Venta's gateway serves REST on http://%s and health on http://%s.\n", app.httpAddr, app.adminAddr)
	return app.serve(ctx)
}

func dialAll(targets *configv1.Upstreams) (map[string]*grpc.ClientConn, error) {
	conns := map[string]*grpc.ClientConn{}
	for name, target := range map[string]string{
		serviceVendor:   targets.GetVendor(),
		serviceUser:     targets.GetUser(),
		serviceLocation: targets.GetLocation(),
	} {
		conn, err := upstream.Dial(target)
		if err != nil {
			return nil, err
		}
		conns[name] = conn
	}
	return conns, nil
}

// loadConfig reads the file, if any, and lets flags win over it.
func loadConfig(path string, flags Addresses) (*configv1.Config, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	override(&cfg.Http, flags.HTTP)
	override(&cfg.Admin, flags.Admin)
	return cfg, nil
}

func override(field *string, flag string) {
	if flag != "" {
		*field = flag
	}
}

// openVerifier checks tokens with the configured keys, or with the development
// keys of the data folder.
func openVerifier(cfg *configv1.Config, data string) (*auth.Verifier, error) {
	if file := cfg.GetAuth().GetJwksFile(); file != "" {
		keys, err := auth.LoadKeys(file)
		if err != nil {
			return nil, err
		}
		return auth.NewVerifier(auth.VerifierOptions{
			Keys:     keys,
			Issuer:   cfg.GetAuth().GetIssuer(),
			Audience: orElse(cfg.GetAuth().GetAudience(), devkeys.Audience),
		})
	}
	keys, err := devkeys.Open(data)
	if err != nil {
		return nil, err
	}
	return auth.NewVerifier(auth.VerifierOptions{
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
