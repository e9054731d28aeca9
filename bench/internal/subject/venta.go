package subject

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/jsonlog"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func newVenta(o Options) (http.Handler, error) {
	options, err := gatewayOptions(o)
	if err != nil {
		return nil, err
	}
	gw, err := gateway.New(options)
	if err != nil {
		return nil, err
	}
	if err := gw.Register(service(o), o.Conn); err != nil {
		return nil, err
	}
	return gw.Handler(), nil
}

// gatewayOptions switches on what is the gateway's own and no policy of an RPC.
// With the policies that is all there is; without them, none of it.
func gatewayOptions(o Options) (gateway.Options, error) {
	if o.Mode == Venta {
		return gateway.Options{Logger: slog.New(slog.DiscardHandler)}, nil
	}
	// A real file, so that lines cost their system calls. They are written as
	// cmd/venta writes them; nobody closes the handler, as nobody reads the file.
	accessLog, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return gateway.Options{}, err
	}
	options := gateway.Options{
		Logger:           slog.New(jsonlog.New(accessLog, jsonlog.Options{})),
		MeterProvider:    sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		TracerProvider:   sampledTraces(),
		TracedAfterwards: telemetry.Afterwards{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(nowhere{})), SlowAfter: 2 * time.Second},
		Propagator:       propagation.TraceContext{},
	}
	if o.Mode == Observed {
		return options, nil
	}
	options.Verifier, err = auth.NewJWT(auth.JWTOptions{
		Keys: o.Keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience,
	})
	return options, err
}

// sampleRatio is the share of requests that is traced.
const sampleRatio = 0.01

// sampledTraces makes spans as a gateway with a collector does; the collector
// is out of the measure.
func sampledTraces() *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sampleRatio))),
		sdktrace.WithBatcher(nowhere{}),
	)
}

// nowhere is an exporter that takes spans and forgets them.
type nowhere struct{}

// ExportSpans implements sdktrace.SpanExporter.
func (nowhere) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }

// Shutdown implements sdktrace.SpanExporter.
func (nowhere) Shutdown(context.Context) error { return nil }

// service has the routes that the stock handlers have.
func service(o Options) gateway.Service {
	reads, lists, writes := policies(o.Mode)
	return gateway.Service{
		Name: vendorv2.VendorService_ServiceDesc.ServiceName,
		Methods: []gateway.Method{
			{
				Name:     "GetVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.GetVendor),
				Bindings: getBindings(o.Routes),
				Policy:   reads,
			},
			{
				Name:     "ListVendors",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.ListVendors),
				Bindings: []gateway.Binding{{Verb: http.MethodGet, Path: "/v2/vendors"}},
				Policy:   lists,
			},
			{
				Name:     "CreateVendor",
				Call:     gateway.Unary(vendorv2.VendorServiceClient.CreateVendor),
				Bindings: []gateway.Binding{{Verb: http.MethodPost, Path: "/v2/vendors", Body: "*", ResponseBody: "vendor"}},
				Policy:   writes,
			},
		},
	}
}

func getBindings(routes int) []gateway.Binding {
	before, behind := around(routes)
	paths := append(append(slices.Clip(before), "/v2/vendors/{id}"), behind...)
	bindings := make([]gateway.Binding, len(paths))
	for i, path := range paths {
		bindings[i] = gateway.Binding{Verb: http.MethodGet, Path: path, ResponseBody: "vendor"}
	}
	return bindings
}
