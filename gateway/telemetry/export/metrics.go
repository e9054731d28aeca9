package export

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

const (
	// maxSeries bounds the series of one instrument. The SDK's own bound, 2000,
	// is less than a few hundred routes with their statuses.
	maxSeries = 20_000
	// maxScrapes bounds how many scrapes are served at once.
	maxScrapes = 4
)

// collect makes the provider of metrics, over a registry of its own that also
// shows the process and the Go runtime.
func (p *Providers) collect(c Config, process *resource.Resource) error {
	registry := prometheus.NewRegistry()
	for _, collector := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
	} {
		if err := registry.Register(collector); err != nil {
			return err
		}
	}
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return err
	}
	options := []sdkmetric.Option{
		sdkmetric.WithResource(process),
		sdkmetric.WithReader(exporter),
		sdkmetric.WithCardinalityLimit(maxSeries),
	}
	if c.NativeHistograms {
		options = append(options, sdkmetric.WithView(native()))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	p.MeterProvider, p.Gatherer = provider, registry
	p.shutdown = append(p.shutdown, provider.Shutdown)
	p.metrics = scrape(registry, newReporter(c.Logger, "exporting metrics"))
	return nil
}

// native makes each histogram an exponential one, of at most 160 buckets, which
// the exporter shows as Prometheus' native histogram.
func native() sdkmetric.View {
	return sdkmetric.NewView(
		sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 8}},
	)
}

// scrape responds with all metrics that could be read: one that could not must
// not hide the others. OpenMetrics carries the traces of exemplars.
func scrape(registry *prometheus.Registry, faults *reporter) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            promErrors{faults},
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
	})
}

// promErrors is a promhttp.Logger.
type promErrors struct{ *reporter }

func (e promErrors) Println(v ...any) { e.report(fmt.Errorf("%s", fmt.Sprintln(v...))) }
