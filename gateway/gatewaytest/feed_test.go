package gatewaytest_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/gatewaytest/internal/feed"
)

// shop is a feed with a log of a hundred events, of which the first fifty are forgotten.
type shop struct {
	feed.UnimplementedFeedServiceServer
	// live, where set, is what follows the log; nil: the stream ends behind it.
	live chan *feed.Event

	mu   sync.Mutex
	seen []string // the authorization of each call
}

const (
	forgotten = 50
	newest    = 100
)

func event(sequence int64) *feed.Event {
	return &feed.Event{Sequence: sequence, Kind: feed.Kind(1 + sequence%2), Text: "ein \"Ereignis\"\n"}
}

// Follow implements feed.FeedServiceServer.
func (s *shop) Follow(r *feed.FollowRequest, to grpc.ServerStreamingServer[feed.Event]) error {
	md, _ := metadata.FromIncomingContext(to.Context())
	s.mu.Lock()
	s.seen = append(s.seen, md.Get("authorization")...)
	s.mu.Unlock()
	switch {
	case r.GetShop() == "none":
		return status.Error(codes.NotFound, "no such shop")
	case r.GetShop() == "slow": // says nothing until it ends
		<-to.Context().Done()
		return to.Context().Err()
	case r.GetShop() == "breaks":
		_ = to.Send(event(1))
		return status.Error(codes.FailedPrecondition, "the log has a hole")
	case r.GetAfter() > 0 && r.GetAfter() < forgotten || r.GetAfter() > newest:
		return status.Error(codes.OutOfRange, "the log begins later")
	}
	from := r.GetAfter()
	if from == 0 {
		from = newest - 2
	}
	for sequence := from + 1; sequence <= newest; sequence++ {
		if err := to.Send(event(sequence)); err != nil {
			return err
		}
	}
	if s.live == nil {
		return nil
	}
	for {
		select {
		case e := <-s.live:
			if err := to.Send(e); err != nil {
				return err
			}
		case <-to.Context().Done():
			return to.Context().Err()
		}
	}
}

// Chat implements feed.FeedServiceServer.
func (*shop) Chat(stream grpc.BidiStreamingServer[feed.Message, feed.Message]) error {
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return stream.Send(&feed.Message{Text: "bye"})
		}
		if err != nil {
			return err
		}
		if message.GetText() == "break" {
			return status.Error(codes.Aborted, "broken")
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
}

// Upload implements feed.FeedServiceServer.
func (*shop) Upload(stream grpc.ClientStreamingServer[feed.Message, feed.Summary]) error {
	for n := int32(0); ; n++ {
		_, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&feed.Summary{Messages: n})
		}
		if err != nil {
			return err
		}
	}
}

// tokens verifies the subject itself as a token.
type tokens struct{}

// Verify implements auth.Verifier.
func (tokens) Verify(_ context.Context, token string) (*auth.Principal, error) {
	if token == "wrong" {
		return nil, context.Canceled
	}
	p := auth.NewPrincipal(token, nil, nil)
	return &p, nil
}

func open(t *testing.T, s *shop, options gateway.Options) *gatewaytest.Server {
	t.Helper()
	if options.Verifier == nil {
		options.Verifier = tokens{}
	}
	options.Logger = slog.New(slog.DiscardHandler)
	return gatewaytest.Start(t, gatewaytest.Options{
		Gateway:  options,
		Serve:    func(r grpc.ServiceRegistrar) { feed.RegisterFeedServiceServer(r, s) },
		Register: feed.RegisterFeedServiceGateway,
	})
}

func get(t *testing.T, s *gatewaytest.Server, path string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
