package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/internal/instrument"
)

const (
	// eventsName is what health calls the log of events.
	eventsName = "events"
	eventsURL  = "events.url"
	// eventsURLFile is, in the data folder, where the log of this process is. Commands
	// find it there.
	eventsURLFile = "events.url"
)

// events says where the log is; nil: nowhere.
func (p *preparation) events() *events.Options {
	url := p.loaded.Secret(eventsURL).Reveal()
	if url == "" {
		return nil
	}
	cfg := p.loaded.Config.GetEvents()
	options := &events.Options{URL: url, Name: p.program.Name}
	if files := cfg.GetTls(); files != nil && !files.GetDisabled() && !p.noFiles {
		secured, err := p.clientTLS("events.tls", files)
		if err != nil {
			p.wrong("events.tls", err)
		}
		options.TLS = secured
	}
	if err := events.CheckURL(url, cfg.GetTls() != nil && !cfg.GetTls().GetDisabled()); err != nil {
		p.wrong(eventsURL, err)
		return nil
	}
	if cfg.GetCredentialsFile() == "" || p.noFiles {
		return options
	}
	options.Credentials = []byte(p.loaded.File("events.credentials_file").Content.Reveal())
	if err := options.Validate(); err != nil {
		p.wrong("events.credentials_file", err)
	}
	return options
}

// purges are the configured rules, or those of the program.
func (p *preparation) purges() []events.Rule {
	const field = "events.purges"
	rules := p.program.EventPurges
	if p.loaded.Written(field) {
		rules = nil
		for _, r := range p.loaded.Config.GetEvents().GetPurges() {
			rules = append(rules, events.Rule{Subject: r.GetSubject(), Tags: r.GetTags()})
		}
	}
	if len(rules) == 0 {
		return nil
	}
	if err := events.CheckRules(rules); err != nil {
		p.wrong(field, err)
	}
	return rules
}

// addLog keeps where the log of events is: as configured, or the program's own where
// this process runs everything.
func (p *process) addLog(ctx context.Context, configured *events.Options, alone bool) error {
	if configured != nil || !alone || p.program.Events == nil {
		p.events = configured
	} else {
		url, err := p.program.Events(ctx, p.plainHost(eventsName))
		if err != nil {
			return fmt.Errorf("the program's log of events: %w", err)
		}
		p.events = &events.Options{URL: url, Name: p.program.Name}
		if err := p.tellLog(url); err != nil {
			return err
		}
	}
	if p.events != nil {
		p.events.Logger = p.logs.Logger
	}
	return nil
}

// tellLog lets commands of this machine's user find the log while the process runs.
func (p *process) tellLog(url string) error {
	file := filepath.Join(p.data, eventsURLFile)
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(file, []byte(url), 0o600); err != nil {
		return err
	}
	p.closers = append(p.closers, closing(func() error { return os.Remove(file) }))
	return nil
}

// openEvents connects to the log where something is to be purged by it.
func (p *process) openEvents(ready prepared) error {
	if p.events == nil || len(ready.purges) == 0 {
		return nil
	}
	changed := make(chan struct{}, 1)
	options := *p.events
	options.OnChange = func() { give(changed) }
	conn, err := events.Connect(options)
	if err != nil {
		return err
	}
	p.eventsConn, p.eventsChanged = conn, changed
	p.closers = append(p.closers, closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		return conn.Close(ctx)
	}))
	return nil
}

// eventsDependency is the log, as health knows it.
func (p *process) eventsDependency(critical bool) health.Dependency {
	return health.Dependency{Name: eventsName, Kind: health.KindEvents, Critical: critical, Check: p.eventsConn.Check, Changed: p.eventsChanged}
}

// addPurger purges by what happened at the services.
func (p *process) addPurger(rules []events.Rule) error {
	if p.eventsConn == nil {
		return nil
	}
	p.adviseOn(rules)
	told, err := countEvents(p.telemetry.MeterProvider)
	if err != nil {
		return err
	}
	cfg := p.loaded.Config
	options := events.PurgerOptions{
		Stream: cfg.GetEvents().GetStream(), Rules: rules, OnEvent: told,
		Purge: func(ctx context.Context, tags []string) error {
			return incomplete(p.gateway.PurgeEverywhere(ctx, tags...))
		},
		PurgeAll: func(ctx context.Context) error { return incomplete(p.gateway.PurgeAll(ctx)) },
	}
	if cfg.GetCache().GetRemote() {
		options.Durable = cfg.GetEvents().GetConsumer()
	}
	if p.traced {
		options.TracerProvider = p.telemetry.TracerProvider
	}
	purger, err := events.NewPurger(p.eventsConn, options)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, purger)
	return nil
}

var errIncomplete = errors.New("not every process of the fleet has confirmed it")

func incomplete(d cache.Delivery) error {
	if d.Complete() {
		return nil
	}
	return errIncomplete
}

// adviseOn points out rules that purge nothing.
func (p *process) adviseOn(rules []events.Rule) {
	for _, r := range rules {
		for _, a := range p.gateway.AdviseOn("events.purges", r.Tags) {
			p.logs.Warn(a.Problem, "remedy", a.Remedy)
		}
	}
}

// countEvents makes what counts purges by events.
func countEvents(meters metric.MeterProvider) (func(events.Outcome, time.Duration), error) {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	purges := making.ToldCounter(instrument.EventPurges)
	delay := making.Histogram(instrument.EventDelay, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
	return func(o events.Outcome, after time.Duration) {
		ctx := context.Background()
		purges.Add(ctx, 1, metric.WithAttributes(attribute.String("result", string(o))))
		if o == events.Purged {
			delay.Record(ctx, after.Seconds())
		}
	}, making.Err()
}
