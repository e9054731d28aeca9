package assembly

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/clientip"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/stream"
)

// requestPlaces bounds the open streams of the RPC.
func (b *builder) requestPlaces() Step {
	p := b.rpc.Policy.Stream
	if p == nil {
		return nil
	}
	live, total := b.env.Live, b.env.OpenStreams
	places := remembered[*stream.Places](b, b.rpc.Name, "stream", *p, func() (*part, error) {
		made := stream.NewPlaces(*p, stream.PlacesOptions{
			Principal: principal,
			Address:   func(r *http.Request) string { return clientip.Key(live.Load().ClientIP.From(r)) },
			Total:     total,
			OnError:   refuse,
		})
		if before, ok := b.generation.predecessor(b.rpc.Name + "/stream").(*stream.Places); ok {
			made.Succeed(before)
		}
		return newPart(made, nil)
	})
	if places == nil {
		return nil
	}
	return places.Middleware
}

// readByStreams are the query parameters that streams themselves read.
func readByStreams(p *policy.Stream) []string {
	if p == nil || p.ResumeField == "" {
		return nil
	}
	return []string{stream.LastEventQuery}
}

// streams returns what presents the RPC's streams to browsers; nil where nothing does.
func (b *builder) streams() *stream.Streams {
	p := b.rpc.Policy.Stream
	if p == nil {
		return nil
	}
	metrics, method := b.env.Telemetry.Metrics, b.rpc.Method.FullName
	call := b.rpc.Method.Call
	streams, err := stream.New(*p, stream.Options{
		Input:   call.NewRequest().ProtoReflect().Descriptor(),
		Output:  call.NewResponse().ProtoReflect().Descriptor(),
		Ended:   StreamEnded,
		Total:   b.env.OpenStreams,
		MayCall: mayCall(b.env.Live),
		Observe: func(as string) stream.Observer { return metrics.Stream(method, as) },
	})
	return made(b, streams, err)
}

// mayCall tells whether a page may open a WebSocket: one of the gateway's own host, or
// of an origin whose scripts may call. Browsers themselves ask nobody.
func mayCall(live *atomic.Pointer[Live]) func(*http.Request) bool {
	return func(r *http.Request) bool {
		now := live.Load()
		_, host, _ := strings.Cut(r.Header.Get("Origin"), "://")
		return host != "" && strings.EqualFold(host, now.ClientIP.Host(r)) || now.CORS != nil && now.CORS.OriginAllowed(r)
	}
}
