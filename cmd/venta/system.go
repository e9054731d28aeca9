package main

import (
	"cmp"
	"context"
	_ "embed" // the sample
	"path/filepath"
	"sync"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/process"
	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	systemv1 "github.com/venta-hq/venta/gen/venta/system/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/location"
	"github.com/venta-hq/venta/services/store"
	"github.com/venta-hq/venta/services/user"
	"github.com/venta-hq/venta/services/vendors"
)

// databaseBlock is the block of the configuration that is the system's own.
const databaseBlock = "database"

//go:embed database.yaml
var databaseSample string

func extensions() []config.Extension {
	return []config.Extension{{Name: databaseBlock, Message: &systemv1.Database{}, Sample: databaseSample, Check: checkDatabase}}
}

// upstreams are the services of the system. In one process they share a store.
func upstreams() process.Upstreams {
	shared := &database{}
	return process.Upstreams{
		"vendor": {
			Target:   "127.0.0.1:9001",
			Register: []process.Register{vendorv1.RegisterVendorServiceGateway, vendorv2.RegisterVendorServiceGateway},
			Server: shared.serve(func(r grpc.ServiceRegistrar, data *store.Store) {
				vendorv1.RegisterVendorServiceServer(r, vendors.NewV1(data))
				vendorv2.RegisterVendorServiceServer(r, vendors.NewV2(data))
			}),
		},
		"user": {
			Target:   "127.0.0.1:9002",
			Register: []process.Register{userv1.RegisterUserServiceGateway},
			Server: shared.serve(func(r grpc.ServiceRegistrar, data *store.Store) {
				userv1.RegisterUserServiceServer(r, user.New(data))
			}),
		},
		"location": {
			Target:   "127.0.0.1:9003",
			Register: []process.Register{locationv1.RegisterLocationServiceGateway},
			Server: shared.serve(func(r grpc.ServiceRegistrar, data *store.Store) {
				locationv1.RegisterLocationServiceServer(r, location.New(data))
			}),
		},
	}
}

// database is the store of the services in this process. It is opened with the
// first of them and closed after the last.
type database struct {
	mu    sync.Mutex
	store *store.Store
}

func (d *database) open(ctx context.Context, host process.Host) (*store.Store, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store != nil {
		return d.store, nil
	}
	opened, err := openStore(ctx, host)
	if err != nil {
		return nil, err
	}
	d.store = opened
	host.OnClose(d.close)
	host.Depend(health.Dependency{Name: databaseBlock, Kind: health.KindDatabase, Check: opened.Ping})
	return opened, publish(opened, host)
}

// openStore opens what the block says: a database of PostgreSQL, or a file.
func openStore(ctx context.Context, host process.Host) (*store.Store, error) {
	configured := host.Config.Extension(databaseBlock).(*systemv1.Database)
	options := store.Options{
		PoolSize:       int(configured.GetPoolSize()),
		IdleTimeout:    configured.GetIdleTimeout().AsDuration(),
		ConnectTimeout: configured.GetConnectTimeout().AsDuration(),
		TracerProvider: host.TracerProvider,
		MeterProvider:  host.MeterProvider,
	}
	if url, password := databaseURL(host.Config); url != "" {
		return store.OpenPostgreSQL(ctx, url, password, options)
	}
	return store.Open(ctx, cmp.Or(configured.GetPath(), filepath.Join(host.Data, "venta.db")), options)
}

func databaseURL(loaded *config.Loaded) (url, password string) {
	return loaded.Secret(databaseBlock + ".url").Reveal(), loaded.SecretOrFile(databaseBlock + ".password").Reveal()
}

// checkDatabase finds what the rules of the block do not.
func checkDatabase(loaded *config.Loaded) []config.Fault {
	url, password := databaseURL(loaded)
	if url == "" {
		return nil
	}
	if err := store.CheckURL(url, password); err != nil {
		return []config.Fault{loaded.Fault(databaseBlock+".url", err.Error())}
	}
	return nil
}

// close closes the store, so that the next process opens its own.
func (d *database) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	opened := d.store
	d.store = nil
	return opened.Close()
}

// serve makes the servers of an upstream.
func (d *database) serve(register func(grpc.ServiceRegistrar, *store.Store)) func(context.Context, process.Host) (process.Server, error) {
	return func(ctx context.Context, host process.Host) (process.Server, error) {
		data, err := d.open(ctx, host)
		if err != nil {
			return nil, err
		}
		return grpcserver.New(grpcserver.Options{
			Check: data.Ping, Verifier: host.Verifier, Identity: host.Identity, Logger: host.Logger, StatsHandler: host.Stats, Drain: host.Drain,
		}, func(r grpc.ServiceRegistrar) { register(r, data) })
	}
}
