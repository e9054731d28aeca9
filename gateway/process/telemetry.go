package process

import (
	"errors"
	"strings"

	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/export"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// protocols are those of the configuration; any other is left to the port.
var protocols = map[configv1.Telemetry_Protocol]export.Protocol{
	configv1.Telemetry_PROTOCOL_GRPC: export.ProtocolGRPC,
	configv1.Telemetry_PROTOCOL_HTTP: export.ProtocolHTTP,
}

// telemetryConfig says what a process exports: the configuration, and below it
// OpenTelemetry's variables. The start, a reload and config check ask it alike.
func (p Program) telemetryConfig(name string, loaded *config.Loaded, environ []string) (export.Config, error) {
	traces := loaded.Config.GetTelemetry()
	c := export.Config{
		ServiceName:      name,
		ServiceVersion:   p.Version,
		Prometheus:       true,
		NativeHistograms: traces.GetNativeHistograms(),
		OTLPEndpoint:     traces.GetOtlpEndpoint(),
		OTLPInsecure:     traces.GetOtlpInsecure(),
		OTLPProtocol:     protocols[traces.GetOtlpProtocol()],
		SampleRatio:      traces.GetSampleRatio(),
		SampleRatioGiven: loaded.Written("telemetry.sample_ratio"),
	}
	c, err := c.WithEnvironment(lookupIn(environ))
	if err = errors.Join(err, c.Validate()); err != nil {
		return export.Config{}, loaded.Fault("telemetry", err.Error())
	}
	return c, nil
}

func lookupIn(environ []string) export.Lookup {
	return func(name string) (value string, found bool) {
		for _, entry := range environ { // the last of a name holds
			if rest, ok := strings.CutPrefix(entry, name+"="); ok {
				value, found = rest, true
			}
		}
		return value, found
	}
}

// exported says what this process would export with a configuration.
func (p *process) exported(next *config.Loaded) (export.Config, error) {
	return p.program.telemetryConfig(p.name, next, p.environ)
}

// afterwards says which requests are traced that were not sampled.
func (p *process) afterwards() telemetry.Afterwards {
	cfg := p.loaded.Config.GetTelemetry()
	if cfg.GetAfterwardsPerSecond() == 0 {
		return telemetry.Afterwards{}
	}
	return telemetry.Afterwards{
		TracerProvider: p.telemetry.AfterwardsTracerProvider,
		PerSecond:      int(cfg.GetAfterwardsPerSecond()),
		SlowAfter:      cfg.GetSlowAfter().AsDuration(),
	}
}
