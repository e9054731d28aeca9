package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

const (
	// flushTime bounds how long the last telemetry may take to leave.
	flushTime = 2 * time.Second
	// lastAdminTime bounds how long the admin address may take to respond to
	// its last request.
	lastAdminTime = time.Second
	// answerTime is what is left of the drain for the responses to requests that
	// the process could not wait for.
	answerTime = time.Second
)

// errCutOff says that requests were in flight when the time for them was over.
var errCutOff = errors.New("requests were cut off")

// delayField is how long a process serves on after readiness is off.
const delayField = "shutdown.delay"

// shutdownTiming is how a process ends.
type shutdownTiming struct {
	delay, drain, streamGrace time.Duration
}

func newShutdownTiming(cfg *configv1.Shutdown) shutdownTiming {
	return shutdownTiming{
		delay:       cfg.GetDelay().AsDuration(),
		drain:       cfg.GetDrainTimeout().AsDuration(),
		streamGrace: cfg.GetStreamGrace().AsDuration(),
	}
}

// answers is how long before the end of the drain the calls that are left end, so
// that their clients are told.
func (t shutdownTiming) answers() time.Duration { return min(answerTime, t.drain/4) }

// drain turns readiness off, waits until balancers have seen it, stops taking
// requests and lets those in flight end. Each response from the first moment on
// ends its connection, so that none is closed under a client that sends. Streams
// are told to end a while before the deadline, other requests shortly before it.
// The admin address responds to the last, so that a probe sees a process that is
// not ready and not one that is dead. An error says what had to be cut off.
func (p *process) drain() error {
	if p.gateway == nil {
		return nil
	}
	p.health.SetReady(false)
	p.ending.Store(true)
	p.gateway.EndConnections()
	p.logs.Info("shutting down", "delay_seconds", p.timing.delay.Seconds(), "drain_timeout_seconds", p.timing.drain.Seconds())
	time.Sleep(p.timing.delay) // a second signal ends the process, and this
	ctx, cancel := context.WithTimeout(context.Background(), p.timing.drain)
	defer cancel()
	streams := time.AfterFunc(p.timing.drain-p.timing.streamGrace, p.gateway.EndStreams)
	defer streams.Stop()
	requests := time.AfterFunc(p.timing.drain-p.timing.answers(), p.gateway.EndRequests)
	err := errors.Join(p.http.drain(ctx), p.drainSockets(ctx))
	if err == nil && !requests.Stop() {
		err = fmt.Errorf("draining %s: %w", p.http.listener.Addr(), errCutOff)
	}
	return err
}

// drainSockets waits for the WebSockets, for which the server does not.
func (p *process) drainSockets(ctx context.Context) error {
	if err := p.gateway.WaitStreams(ctx); err != nil {
		return fmt.Errorf("draining WebSockets: %w: %w", errCutOff, err)
	}
	return nil
}

// announceEnd has the admin address end its connections as the gateway does.
func (p *process) announceEnd(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.ending.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// endAdmin closes the admin address.
func (p *process) endAdmin() error {
	if p.admin == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastAdminTime)
	defer cancel()
	return p.admin.drain(ctx)
}

// drain takes no more requests and waits for those in flight until ctx ends.
func (s *webServer) drain(ctx context.Context) error {
	if err := s.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("draining %s: %w: %w", s.listener.Addr(), errCutOff, err), s.Close())
	}
	return nil
}

// close flushes telemetry, then closes what was opened, the last first.
func (p *process) close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := p.telemetry.Shutdown(ctx); err != nil {
		p.logs.Warn("telemetry was lost at the end", "error", err) // no reason for a failed exit
	}
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// abandon closes what a failed start has opened, and returns why it failed.
func (p *process) abandon(why error) error {
	for _, s := range p.web() {
		_ = s.listener.Close()
	}
	for _, s := range p.local {
		_ = s.listener.Close()
	}
	if err := p.close(); err != nil {
		p.logs.Warn("closing after a failed start", "error", err)
	}
	return why
}
