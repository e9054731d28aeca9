package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// flushTime bounds how long the last telemetry may take to leave.
const flushTime = 2 * time.Second

// goodbyeTime bounds how long the admin address may take to answer its last
// request.
const goodbyeTime = time.Second

// patience is how a process ends.
type patience struct {
	delay, drain, streamGrace time.Duration
}

func newPatience(cfg *configv1.Shutdown) patience {
	return patience{
		delay:       cfg.GetDelay().AsDuration(),
		drain:       cfg.GetDrainTimeout().AsDuration(),
		streamGrace: cfg.GetStreamGrace().AsDuration(),
	}
}

// drain turns readiness off, waits until balancers have seen it, stops taking
// requests and lets those in flight end. Streams are told to end a while before
// the deadline. The admin address answers to the last, so that a probe sees a
// process that is not ready and not one that is dead. An error says what had to
// be cut off.
func (a *app) drain() error {
	if a.health != nil {
		a.health.SetReady(false)
		slog.Info("shutting down", "delay", a.patience.delay, "drain_timeout", a.patience.drain)
		time.Sleep(a.patience.delay) // a second signal ends the process, and this
	}
	ctx, cancel := context.WithTimeout(context.Background(), a.patience.drain)
	defer cancel()
	if a.gateway != nil {
		streams := time.AfterFunc(a.patience.drain-a.patience.streamGrace, a.gateway.EndStreams)
		defer streams.Stop()
	}
	return a.shutdown(ctx, func(s webServer) bool { return !s.operations })
}

// endOperations closes the admin address.
func (a *app) endOperations() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	return a.shutdown(ctx, func(s webServer) bool { return s.operations })
}

func (a *app) shutdown(ctx context.Context, which func(webServer) bool) error {
	var errs []error
	for _, s := range a.web {
		if !which(s) {
			continue
		}
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("draining %s: requests were cut off: %w", s.listener.Addr(), err), s.Close())
		}
	}
	return errors.Join(errs...)
}

// close flushes telemetry, then closes what was opened, the last first.
func (a *app) close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := a.telemetry.Shutdown(ctx); err != nil {
		slog.Warn("telemetry was lost at the end", "error", err) // no reason for a failed exit
	}
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// abandon closes what a failed start has opened, and returns why it failed.
func (a *app) abandon(why error) error {
	for _, s := range a.web {
		_ = s.listener.Close()
	}
	for _, s := range a.services {
		_ = s.listener.Close()
	}
	if err := a.close(); err != nil {
		slog.Warn("closing after a failed start", "error", err)
	}
	return why
}
