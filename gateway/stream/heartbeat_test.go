package stream_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/stream"
)

// silent is a stream whose upstream says nothing, until its context ends.
type silent struct {
	stream.RPC
	ctx context.Context
}

func (s silent) Context() context.Context                          { return s.ctx }
func (s silent) Request() (proto.Message, error)                   { return &wrapperspb.StringValue{}, nil }
func (s silent) OpenWith(proto.Message) (grpc.ClientStream, error) { return nil, nil }
func (s silent) Status(err error) *status.Status                   { return status.Convert(err) }
func (s silent) Receive(grpc.ClientStream) (proto.Message, error) {
	<-s.ctx.Done()
	return nil, status.FromContextError(s.ctx.Err()).Err()
}

// TestSilence holds that a stream begins although its upstream is silent, that a comment
// breaks each silence, and that nothing is written once it has ended.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := (&wrapperspb.StringValue{}).ProtoReflect().Descriptor()
		streams, err := stream.New(policy.Stream{Heartbeat: 10 * time.Second, Retry: time.Second}, stream.Options{Input: message, Output: message})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		streams.ServeEvents(w, httptest.NewRequest("GET", "/", nil), silent{ctx: ctx})
		before := w.Body.String()
		if comments := strings.Count(before, ":\n\n"); comments != 4 || !strings.HasPrefix(before, "retry: ") || !strings.Contains(before, "event: error\n") {
			t.Errorf("%d comments\n%s", comments, before)
		}
		time.Sleep(time.Minute)
		if w.Body.String() != before {
			t.Error("written to behind its end")
		}
	})
}
