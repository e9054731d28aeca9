package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// script is a stream that returns what it is told.
type script struct {
	grpc.ClientStream
	header, send error
	receive      []error // in turn; then the last again
}

func (s *script) Header() (metadata.MD, error) { return nil, s.header }
func (s *script) SendMsg(any) error            { return s.send }

func (s *script) RecvMsg(any) error {
	err := s.receive[0]
	if len(s.receive) > 1 {
		s.receive = s.receive[1:]
	}
	return err
}

func openStream(ctx context.Context, o telemetry.Options, desc grpc.StreamDesc, stream grpc.ClientStream, failure error) (grpc.ClientStream, error) {
	return telemetry.StreamClientInterceptor(o)(ctx, &desc, nil, method,
		func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
			return stream, failure
		})
}

// TestStreamsEnd holds every way that a stream can end to one measure and one
// span, with the right code.
func TestStreamsEnd(t *testing.T) {
	failure := status.Error(codes.Unavailable, "gone")
	many := grpc.StreamDesc{ServerStreams: true}
	tests := []struct {
		name   string
		desc   grpc.StreamDesc
		stream script
		use    func(grpc.ClientStream, context.CancelFunc)
		want   string // "": it goes on
	}{
		{name: "open", desc: many, stream: script{receive: []error{nil}}, use: func(s grpc.ClientStream, _ context.CancelFunc) {
			_, _ = s.Header()
			_ = s.SendMsg(nil)
			_ = s.RecvMsg(nil)
		}},
		{name: "end", desc: many, stream: script{receive: []error{nil, nil, io.EOF}}, use: drain, want: "OK"},
		{name: "error", desc: many, stream: script{receive: []error{nil, failure}}, use: drain, want: "UNAVAILABLE"},
		{name: "only response", stream: script{receive: []error{nil}}, use: func(s grpc.ClientStream, _ context.CancelFunc) { _ = s.RecvMsg(nil) }, want: "OK"},
		{name: "no response", stream: script{receive: []error{failure}}, use: func(s grpc.ClientStream, _ context.CancelFunc) { _ = s.RecvMsg(nil) }, want: "UNAVAILABLE"},
		{name: "no header", desc: many, stream: script{header: failure}, use: func(s grpc.ClientStream, _ context.CancelFunc) { _, _ = s.Header() }, want: "UNAVAILABLE"},
		{name: "not sent", desc: many, stream: script{send: failure}, use: func(s grpc.ClientStream, _ context.CancelFunc) { _ = s.SendMsg(nil) }, want: "UNAVAILABLE"},
		{
			name: "the upstream has enough", desc: many, stream: script{send: io.EOF, receive: []error{failure}},
			use: func(s grpc.ClientStream, _ context.CancelFunc) { _ = s.SendMsg(nil); _ = s.RecvMsg(nil) }, want: "UNAVAILABLE",
		},
		{name: "abandoned", desc: many, use: func(_ grpc.ClientStream, cancel context.CancelFunc) { cancel() }, want: "CANCELLED"},
		{name: "abandoned behind its end", desc: many, stream: script{receive: []error{io.EOF}}, use: func(s grpc.ClientStream, cancel context.CancelFunc) {
			drain(s, nil)
			cancel()
			drain(s, nil)
		}, want: "OK"},
		{name: "used by many", desc: many, stream: script{send: failure, header: failure, receive: []error{failure}}, use: func(s grpc.ClientStream, cancel context.CancelFunc) {
			var all sync.WaitGroup
			all.Go(func() { _ = s.SendMsg(nil) })
			all.Go(func() { _ = s.RecvMsg(nil) })
			all.Go(func() { _, _ = s.Header() })
			all.Wait()
			cancel()
		}, want: "UNAVAILABLE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, spans := traced(sdktrace.AlwaysSample())
				m := newMeasured(t)
				o.Metrics = m.Metrics
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stream, err := openStream(ctx, o, test.desc, &test.stream, nil)
				if err != nil {
					t.Fatal(err)
				}
				test.use(stream, cancel)
				synctest.Wait()
				if test.want == "" {
					if n := len(spans.GetSpans()); n != 0 {
						t.Errorf("%d spans have ended", n)
					}
					return
				}
				m.expect(t, "venta.upstream.duration", map[string]int64{streamSeries(test.want): 1})
				var codes []string
				for _, span := range spans.GetSpans() {
					codes = append(codes, attributesOf(span)["rpc.response.status_code"])
				}
				if diff := cmp.Diff([]string{test.want}, codes); diff != "" {
					t.Errorf("spans (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// drain reads until the stream ends.
func drain(s grpc.ClientStream, _ context.CancelFunc) {
	for s.RecvMsg(nil) == nil { // nothing is done with the messages
	}
}

func streamSeries(code string) string {
	name := fmt.Sprintf("rpc.method=venta.vendor.v2.VendorService/GetVendor,rpc.response.status_code=%s,rpc.system.name=grpc", code)
	if code != "OK" {
		return "error.type=" + code + "," + name
	}
	return name
}

func TestStreamThatDoesNotOpen(t *testing.T) {
	m := newMeasured(t)
	o := telemetry.Options{Metrics: m.Metrics}
	failure := status.Error(codes.ResourceExhausted, "full")
	if stream, err := openStream(t.Context(), o, grpc.StreamDesc{}, nil, failure); stream != nil || !errors.Is(err, failure) {
		t.Errorf("stream %v, error %v", stream, err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = telemetry.StreamClientInterceptor(o)(t.Context(), &grpc.StreamDesc{}, nil, method,
			func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				panic("broken")
			})
	}()
	m.expect(t, "venta.upstream.duration", map[string]int64{streamSeries("RESOURCE_EXHAUSTED"): 1, streamSeries("UNKNOWN"): 1})
}

func TestStreamCarriesTheTrace(t *testing.T) {
	o, _ := traced(sdktrace.AlwaysSample())
	var sent metadata.MD
	_, err := telemetry.StreamClientInterceptor(o)(t.Context(), &grpc.StreamDesc{}, nil, method,
		func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
			sent, _ = metadata.FromOutgoingContext(ctx)
			return &script{}, nil
		})
	if err != nil || len(sent[traceparent]) != 1 {
		t.Errorf("sent %v, error %v", sent, err)
	}
}
