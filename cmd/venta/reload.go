package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/errgroup"

	"github.com/venta-hq/venta/gateway/config"
)

// reloading loads the configuration again when its file changes, and on SIGHUP.
type reloading struct {
	watcher *config.Watcher
	hangups chan os.Signal
}

// addReloading makes the configuration that was loaded change with its file.
// From here on SIGHUP does not end the process.
func (a *app) addReloading(options config.Options, loaded *config.Loaded) error {
	if err := a.gateway.Override(overrides(loaded)); err != nil {
		return err
	}
	observe, err := countReloads(a.telemetry.MeterProvider)
	if err != nil {
		return err
	}
	watcher, err := config.NewWatcher(config.WatchOptions{
		Options: options,
		Current: loaded,
		Live: func(path string, _, _ *config.Loaded) bool {
			return config.Within(path, "logging.level", "overrides") // see reconfigure
		},
		Apply:    a.reconfigure,
		OnReload: observe,
	})
	if err != nil {
		return err
	}
	a.reloading = &reloading{watcher, make(chan os.Signal, 1)}
	signal.Notify(a.reloading.hangups, syscall.SIGHUP)
	return nil
}

// reconfigure puts what can change while the process runs in force. What can fail comes
// first, so that a refused configuration changes nothing.
func (a *app) reconfigure(_ context.Context, next *config.Loaded, _ []config.Change) error {
	if err := a.gateway.Override(overrides(next)); err != nil {
		return err
	}
	a.logs.setLevel(next.Config.GetLogging().GetLevel())
	return nil
}

// run watches until ctx ends.
func (r *reloading) run(ctx context.Context) error {
	defer signal.Stop(r.hangups)
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return r.watcher.Run(ctx) })
	for {
		select {
		case <-r.hangups:
			r.watcher.Reload()
		case <-ctx.Done():
			return running.Wait()
		}
	}
}

// countReloads counts reloads by what became of them, and tells whether the
// configuration as it is written is in force.
func countReloads(meters metric.MeterProvider) (func(config.Reload), error) {
	meter := meters.Meter(meterName)
	reloads, err := meter.Int64Counter("venta.config.reloads",
		metric.WithDescription("Configurations loaded while the process runs, by result: applied, unchanged or refused."))
	if err != nil {
		return nil, err
	}
	current, err := meter.Int64Gauge("venta.config.current",
		metric.WithDescription("1 while the configuration in force is the one that is written, 0 after a refused one."))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	current.Record(ctx, 1)
	return func(r config.Reload) {
		result, inForce := "unchanged", int64(1)
		switch {
		case r.Err != nil:
			result, inForce = "refused", 0
		case len(r.Changed) > 0:
			result = "applied"
		}
		reloads.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
		current.Record(ctx, inForce)
	}, nil
}
