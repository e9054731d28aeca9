package recent_test

import (
	"strconv"
	"testing"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// BenchmarkSample is one sample of a gateway with 500 RPCs, each with answers of
// three statuses.
func BenchmarkSample(b *testing.B) {
	p := newProcess()
	for i := range 500 {
		for _, status := range []string{"200", "404", "503"} {
			p.requests.WithLabelValues("GET", "/v1/"+strconv.Itoa(i), status, "shop.v1.Service/"+strconv.Itoa(i)).Observe(0.1)
		}
	}
	h, err := recent.New(recent.Options{Gatherer: p})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		recent.Sample(h)
	}
}
