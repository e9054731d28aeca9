package blame

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/venta-hq/venta/gateway/apierror"
)

func nested(levels int) proto.Message {
	v := structpb.NewNumberValue(1)
	for range levels {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	return v
}

func detailed(reason string) error {
	st, err := status.New(codes.ResourceExhausted, "").WithDetails(&errdetails.ErrorInfo{Reason: reason})
	if err != nil {
		panic(err)
	}
	return st.Err()
}

func TestFaults(t *testing.T) {
	fine, exhausted := wrapperspb.String("a"), status.Error(codes.ResourceExhausted, "grpc: received message larger than max")
	internal := status.Error(codes.Internal, "grpc: error while marshaling")
	header, trailersOnly := metadata.Pairs("content-type", "application/grpc"), metadata.Pairs("content-type", "application/grpc")
	begun := seen{opened: true, header: header, trailer: metadata.MD{}}
	said := seen{opened: true, trailer: trailersOnly}
	remote := Conn{Remote: true, Encodes: true}
	tests := []struct {
		name    string
		conn    Conn
		md      metadata.MD
		request any
		seen    seen
		err     error
		want    Fault
	}{
		{"the upstream failed", remote, nil, fine, said, internal, Upstream},
		{"the upstream's quota", remote, nil, fine, said, exhausted, Upstream},
		{"no upstream was reached", remote, nil, fine, seen{}, status.Error(codes.Unavailable, ""), Upstream},
		{"no upstream was reached in time", remote, nil, fine, seen{}, status.Error(codes.DeadlineExceeded, ""), Upstream},
		{"nobody says", remote, nil, fine, seen{}, errors.New("x"), Upstream},
		{"the gateway says", remote, nil, fine, seen{}, &apierror.Error{Code: codes.Internal}, Upstream},
		{"no credentials for the connection", remote, nil, fine, seen{}, status.Error(codes.Unauthenticated, ""), Unsent},
		{"no codec", remote, nil, fine, seen{}, internal, Unsent},
		{"metadata that gRPC refuses", remote, metadata.MD{"a": {"\n"}}, fine, seen{}, internal, Malformed},
		{"a key that gRPC refuses", remote, metadata.MD{"a b": {"c"}}, fine, seen{}, internal, Malformed},
		{"large metadata", remote, metadata.Pairs("a", strings.Repeat("b", 9000)), fine, seen{}, internal, HeadersTooLarge},
		{"large metadata that was sent", remote, metadata.Pairs("a", strings.Repeat("b", 9000)), fine, said, internal, Upstream},
		{"a field that HTTP/2 forbids", remote, metadata.Pairs("te", "gzip"), fine, said, internal, Malformed},
		{"no UTF-8", remote, nil, wrapperspb.String("\xff"), seen{opened: true, trailer: metadata.MD{}}, internal, Malformed},
		{"no UTF-8, and nothing known", Conn{Encodes: true}, nil, wrapperspb.String("\xff"), seen{}, internal, Malformed},
		{"no UTF-8, within the process", Conn{}, nil, wrapperspb.String("\xff"), seen{}, internal, Upstream},
		{"nested too deep", remote, nil, nested(51), said, internal, Malformed},
		{"nested deep", remote, nil, nested(49), said, internal, Upstream},
		{"large for every server", remote, nil, wrapperspb.Bytes(make([]byte, serversTake+1)), said, exhausted, RequestTooLarge},
		{"large for the connection", Conn{Remote: true, MaxSendBytes: 9}, nil, wrapperspb.Bytes(make([]byte, 10)), begun, exhausted, RequestTooLarge},
		{"a large response", remote, nil, fine, begun, exhausted, ResponseTooLarge},
		{"a large response to a large request", remote, nil, wrapperspb.Bytes(make([]byte, serversTake+1)), begun, exhausted, ResponseTooLarge},
		{"a large response, header not asked for", remote, nil, fine, seen{opened: true, headerUnknown: true}, exhausted, ResponseTooLarge},
		{"a reset stream", remote, nil, fine, seen{opened: true, trailer: metadata.MD{}}, exhausted, Upstream},
		{"a quota behind headers, with details", remote, nil, fine, begun, detailed("QUOTA"), Upstream},
		{"a large response, says the upstream", remote, nil, fine, said, detailed("RESPONSE_TOO_LARGE"), ResponseTooLarge},
		{"a quota of a stream that cannot be known", Conn{}, nil, fine, seen{}, exhausted, Upstream},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(t.Context(), test.md)
			if got := test.conn.of(ctx, test.request, test.seen, test.err); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// TestAttemptTakesTheCallersTrailer holds that what somebody asks for already is
// not asked for twice, and forgets an earlier attempt.
func TestAttemptTakesTheCallersTrailer(t *testing.T) {
	header, trailer := metadata.MD{"old": nil}, metadata.MD{"old": nil}
	a := new(Attempt)
	options := a.Options([]grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)}, []grpc.CallOption{grpc.WaitForReady(true)})
	if len(options) != 3 || header != nil || trailer != nil || a.seen().opened {
		t.Errorf("%d options, header %v, trailer %v", len(options), header, trailer)
	}
	trailer = metadata.MD{}
	if !a.seen().opened {
		t.Error("the stream was not seen")
	}
	if options := new(Attempt).Options(nil, nil); len(options) != 1 {
		t.Errorf("%d options", len(options))
	}
}

// failing is a stream of which every operation fails.
type failing struct {
	grpc.ClientStream
	err error
}

func (failing) Header() (metadata.MD, error) { return metadata.MD{}, nil }
func (failing) Trailer() metadata.MD         { return nil }
func (f failing) SendMsg(any) error          { return f.err }
func (f failing) RecvMsg(any) error          { return f.err }
func (failing) Context() context.Context     { return context.Background() }

func TestStreamFaults(t *testing.T) {
	remote := Conn{Remote: true, Encodes: true}
	exhausted, internal := status.Error(codes.ResourceExhausted, ""), status.Error(codes.Internal, "")
	bad, fine := wrapperspb.String("\xff"), wrapperspb.String("a")
	watch := func() *Stream { return remote.Watch(t.Context(), failing{}) }
	began := watch()
	began.Received(nil)
	tests := []struct {
		name      string
		got, want Fault
	}{
		{"sent too much", watch().Sent(fine, exhausted), RequestTooLarge},
		{"sent what cannot be encoded", watch().Sent(bad, internal), Malformed},
		{"sent after the end", watch().Sent(fine, internal), Unsent},
		{"sent", watch().Sent(fine, nil), Upstream},
		{"left", watch().Sent(fine, status.Error(codes.Canceled, "")), Upstream},
		{"received too much", watch().Received(exhausted), ResponseTooLarge},
		{"refused after a message", began.Received(exhausted), Upstream},
		{"failed", began.Received(internal), Upstream},
		{"not opened", remote.OfOpening(t.Context(), internal), Unsent},
		{"another kind of connection", Conn{Encodes: true}.Watch(t.Context(), failing{}).Sent(bad, internal), Malformed},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
	}
}
