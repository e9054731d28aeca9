package gateway_test

import (
	"strings"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func promise(latency time.Duration) *policy.Objective {
	return &policy.Objective{Latency: latency, Percentile: 95, Window: policy.DefaultObjectiveWindow}
}

// TestBucketAtEveryObjective holds that what an RPC promises is counted and not
// guessed, whichever service of the process promises it.
func TestBucketAtEveryObjective(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	s := service(policy.Method{Objective: promise(300 * time.Millisecond)})
	s.Methods[1].Policy.Objective = promise(42 * time.Second)
	b := &backend{}
	server := &server{backend: b, Server: gatewaytest.Start(t, gatewaytest.Options{
		Gateway: gateway.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))},
		Serve:   func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(s, conn)
		},
	})}
	server.do(t, "GET", "/v2/vendors/7")
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range all.ScopeMetrics[0].Metrics {
		histogram, ok := m.Data.(metricdata.Histogram[float64])
		if !ok {
			continue
		}
		found++
		has := map[float64]bool{}
		for _, bound := range histogram.DataPoints[0].Bounds {
			has[bound] = true
		}
		if !has[0.3] || !has[42] || !has[0.0005] || !has[10] {
			t.Errorf("%s has the bounds %v", m.Name, histogram.DataPoints[0].Bounds)
		}
	}
	if found != 2 {
		t.Errorf("%d histograms", found)
	}
}

func TestTooManyObjectivesAreRefused(t *testing.T) {
	crowd := func(methods int) gateway.Service {
		s := service(policy.Method{})
		s.Methods = nil
		for i := range methods {
			m := service(policy.Method{Objective: promise(11*time.Second + time.Duration(i)*time.Millisecond)}).Methods[0]
			m.Bindings = []gateway.Binding{{Verb: "GET", Path: "/v2/" + strings.Repeat("a", i+1) + "/{id}"}}
			s.Methods = append(s.Methods, m)
		}
		return s
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	conn, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, test := range []struct {
		name    string
		options gateway.Options
		methods int
		refused string
	}{
		{"as many as fit", gateway.Options{MeterProvider: meters}, 18, ""},
		{"one too many", gateway.Options{MeterProvider: meters}, 19, "objective.latency: too many different latencies"},
		{"native histograms", gateway.Options{MeterProvider: meters, NativeHistograms: true}, 19, ""},
		{"nothing is measured", gateway.Options{}, 19, ""},
	} {
		gw, err := gateway.New(test.options)
		if err != nil {
			t.Fatal(err)
		}
		err = gw.Register(crowd(test.methods), conn)
		if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%s: %v", test.name, err)
		}
		_ = gw.Close()
	}
}
