package telemetry

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

// bodies counts the bytes of bodies by RPC; "" is that of no RPC. They are sums, and no
// histograms as the semantic conventions have: those would cost each request as much as
// its duration does, for each status, and nobody is alerted by a size.
type bodies struct{ *table[string, *bodySums] }

// bodySums are the sums of an RPC.
type bodySums struct {
	requests, responses atomic.Int64
	options             []metric.ObserveOption
}

func newBodies() bodies {
	sums := func(set attribute.Set) *bodySums {
		return &bodySums{options: []metric.ObserveOption{metric.WithAttributeSet(set)}}
	}
	return bodies{&table[string, *bodySums]{
		make: func(rpcMethod string) *bodySums {
			if rpcMethod == "" {
				return sums(attribute.NewSet())
			}
			return sums(attribute.NewSet(semconv.RPCMethod(rpcMethod)))
		},
		most: maxSeries,
		full: sums(overflow()),
	}}
}

func (b bodies) register(to *instrument.Maker) {
	read := func(of func(*bodySums) int64) metric.Int64Callback {
		return func(_ context.Context, to metric.Int64Observer) error {
			for _, sums := range b.all() {
				to.Observe(of(sums), sums.options...)
			}
			if n := of(b.full); n != 0 {
				to.Observe(n, b.full.options...)
			}
			return nil
		}
	}
	to.Counter(instrument.RequestBody, read(func(s *bodySums) int64 { return s.requests.Load() }))
	to.Counter(instrument.ResponseBody, read(func(s *bodySums) int64 { return s.responses.Load() }))
}

// add counts the bodies of a request that has ended.
func (b bodies) add(q *Request, route *Route) {
	sums := b.of(route.rpcMethod)
	if n := q.body.read.Load(); n != 0 {
		sums.requests.Add(n)
	}
	if n := q.response.Bytes(); n != 0 {
		sums.responses.Add(n)
	}
}

// requestBody is a request's body that counts what is read of it.
type requestBody struct {
	io.ReadCloser
	read atomic.Int64
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

// counted has the body of r counted, which is q's.
func (q *Request) counted(r *http.Request) *http.Request {
	if r.Body != nil && r.Body != http.NoBody {
		q.body.ReadCloser = r.Body
		r.Body = &q.body
	}
	return r
}
