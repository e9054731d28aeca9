package oracle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/opaquepb"
	"github.com/venta-hq/venta/gateway/transcode/oracle/internal/optionedpb"
	pb "github.com/venta-hq/venta/gateway/transcode/oracle/internal/oraclepb"
)

// backend replies to each request with its own message, and tells in the header and
// the trailer which metadata it was called with.
type backend struct {
	pb.UnimplementedEverythingsServer
	pb.UnimplementedStreamsServer
	pb.UnimplementedClassicsServer
	pb.UnimplementedEditionsServer
	opaquepb.UnimplementedOpaquesServer
	optionedpb.UnimplementedOptionedServer
}

func (b backend) register(s grpc.ServiceRegistrar) {
	pb.RegisterEverythingsServer(s, b)
	pb.RegisterStreamsServer(s, b)
	pb.RegisterClassicsServer(s, b)
	pb.RegisterEditionsServer(s, b)
	opaquepb.RegisterOpaquesServer(s, b)
	optionedpb.RegisterOptionedServer(s, b)
}

// seen is the incoming metadata as one text, without what a connection adds, and
// without the request's id, which only a gateway adds.
func seen(ctx context.Context) metadata.MD {
	md, _ := metadata.FromIncomingContext(ctx)
	var lines []string
	for key, values := range md {
		if key == "user-agent" || key == "content-type" || strings.HasPrefix(key, ":") || strings.HasPrefix(key, "grpc-") || key == "x-request-id" {
			continue
		}
		slices.Sort(values)
		lines = append(lines, key+"="+strings.Join(values, ","))
	}
	if _, ok := ctx.Deadline(); ok {
		lines = append(lines, "a deadline")
	}
	slices.Sort(lines)
	return metadata.Pairs("seen", url.QueryEscape(strings.Join(lines, "\n")))
}

func tell(ctx context.Context) {
	md := seen(ctx)
	if grpc.SetHeader(ctx, md) != nil || grpc.SetTrailer(ctx, md) != nil {
		panic("no call")
	}
}

func response[M proto.Message](ctx context.Context, m M) (M, error) {
	tell(ctx)
	return proto.CloneOf(m), nil
}

// failure is the status that a request asks for.
func failure(m *pb.Everything) error {
	if m.GetAStatus() == nil {
		return nil
	}
	st := status.New(codes.Code(m.GetAStatus().GetCode()), m.GetAStatus().GetMessage())
	if detailed, err := st.WithDetails(&errdetails.ErrorInfo{Reason: "ASKED", Domain: "oracle"}); err == nil {
		st = detailed
	}
	if said := st.Proto(); m.GetAString() == deepStored {
		said.Details = append(said.Details, deepAny())
		st = status.FromProto(said)
	}
	return st.Err()
}

func everything(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	if err := failure(m); err != nil {
		tell(ctx)
		return nil, err
	}
	return response(ctx, stored(m))
}

func (backend) Text(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Scalars(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Lists(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Texts(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Optional(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Oneof(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Nested(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Bodies(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Patch(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Responses(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Resources(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Fail(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) RawField(ctx context.Context, m *pb.Everything) (*pb.Everything, error) {
	return everything(ctx, m)
}

func (backend) Raw(ctx context.Context, m *httpbody.HttpBody) (*httpbody.HttpBody, error) {
	return response(ctx, m)
}

func (backend) Nothing(ctx context.Context, m *emptypb.Empty) (*emptypb.Empty, error) {
	return response(ctx, m)
}

func (backend) Bound(ctx context.Context, m *pb.Pair) (*pb.Pair, error) { return response(ctx, m) }

func (backend) Classic(ctx context.Context, m *pb.OldMessage) (*pb.OldMessage, error) {
	return response(ctx, m)
}

func (backend) Edition(ctx context.Context, m *pb.NewMessage) (*pb.NewMessage, error) {
	return response(ctx, m)
}

func (backend) Opaque(ctx context.Context, m *opaquepb.Closed) (*opaquepb.Closed, error) {
	return response(ctx, m)
}

func (backend) Follow(m *opaquepb.Closed, stream grpc.ServerStreamingServer[opaquepb.Closed]) error {
	for range m.GetCount() {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (backend) Option(ctx context.Context, m *optionedpb.Choice) (*optionedpb.Choice, error) {
	return response(ctx, m)
}

func (backend) Unruled(ctx context.Context, m *optionedpb.Choice) (*optionedpb.Choice, error) {
	return response(ctx, m)
}

func (backend) Configured(ctx context.Context, m *optionedpb.Choice) (*optionedpb.Choice, error) {
	return response(ctx, m)
}

func (backend) UnruledStream(stream grpc.BidiStreamingServer[optionedpb.Choice, optionedpb.Choice]) error {
	return echo(stream)
}

func (backend) Repeat(m *pb.Everything, stream grpc.ServerStreamingServer[pb.Everything]) error {
	if err := stream.SetHeader(seen(stream.Context())); err != nil {
		return err
	}
	times, m := m.GetAnInt32(), stored(m)
	if st := m.GetAStatus(); st != nil {
		times = st.GetAfter()
	}
	for i := range times {
		m.AnInt32 = i
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return failure(m)
}

func (backend) Collect(stream grpc.ClientStreamingServer[pb.Everything, pb.Everything]) error {
	stream.SetTrailer(seen(stream.Context()))
	if err := stream.SetHeader(seen(stream.Context())); err != nil {
		return err
	}
	collected := &pb.Everything{}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(collected)
		}
		if err == nil {
			err = failure(m)
		}
		if err != nil {
			return err
		}
		collected.Strings = append(collected.Strings, m.GetAString())
	}
}

func (backend) Chat(stream grpc.BidiStreamingServer[pb.Everything, pb.Everything]) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = failure(m)
		}
		if err == nil {
			err = stream.Send(stored(m))
		}
		if err != nil {
			return err
		}
	}
}

func echo[M any](stream grpc.BidiStreamingServer[M, M]) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = stream.Send(m)
		}
		if err != nil {
			return err
		}
	}
}

func (backend) Download(m *pb.Everything, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	for i := range m.GetAnInt32() {
		chunk := &httpbody.HttpBody{ContentType: "text/csv", Data: fmt.Appendf(nil, "%d,%s;", i, m.GetAString())}
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return failure(m)
}

func (backend) Upload(stream grpc.ClientStreamingServer[httpbody.HttpBody, pb.Everything]) error {
	received := &pb.Everything{}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(received)
		}
		if err != nil {
			return err
		}
		if m.GetContentType() != "" {
			received.AString = m.GetContentType()
		}
		received.SomeBytes = append(received.SomeBytes, m.GetData()...)
	}
}
