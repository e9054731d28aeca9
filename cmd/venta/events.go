package main

import (
	"context"
	"path/filepath"

	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/process"
	"github.com/venta-hq/venta/services/eventlog"
	"github.com/venta-hq/venta/services/store"
)

// eventPurges are the tags of the caches of vendors and of lists of them, purged by
// every change, be it one that no gateway has seen.
func eventPurges() []events.Rule {
	return []events.Rule{{Subject: "events.vendor.>", Tags: []string{"vendor:{data.id}", "vendors"}}}
}

// openLog starts a server of the process's own.
func openLog(_ context.Context, host process.Host) (string, error) {
	server, err := eventlog.Serve(filepath.Join(host.Data, "events"), host.Logger)
	if err != nil {
		return "", err
	}
	host.OnClose(server.Close)
	return server.URL(), nil
}

// publish publishes what is written to the outbox. The host closes what it starts
// before the database.
func publish(data *store.Store, host process.Host) error {
	if host.Events == nil {
		host.Logger.Warn("events wait in the database: no log of events is configured (events.url)")
		return nil
	}
	publisher, err := eventlog.Start(eventlog.Options{
		Outbox: data.Outbox(), Events: *host.Events, Stream: host.Config.Config.GetEvents().GetStream(),
		Logger: host.Logger, TracerProvider: host.TracerProvider, MeterProvider: host.MeterProvider,
	})
	if err != nil {
		return err
	}
	host.OnClose(publisher.Close)
	host.Depend(health.Dependency{Name: "outbox", Kind: health.KindEvents, Check: publisher.Check})
	return nil
}
