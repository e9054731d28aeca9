package grpcserver_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	"github.com/venta-hq/venta/services/fault"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

// verbose is a user service with one vendor, whose name is long.
type verbose struct {
	userv1.UnimplementedUserServiceServer

	name string
}

func (v verbose) GetUserVendors(context.Context, *userv1.GetUserVendorsRequest) (*userv1.GetUserVendorsResponse, error) {
	return &userv1.GetUserVendorsResponse{Vendors: []*userv1.UserVendor{{Name: v.name}}}, nil
}

// TestResponseTooLargeSaysSo holds that a response which no caller takes is refused
// with a reason, and not with the RESOURCE_EXHAUSTED of a quota.
func TestResponseTooLargeSaysSo(t *testing.T) {
	keys := openKeys(t)
	server, err := grpcserver.New(grpcserver.Options{Verifier: servicetest.Verifier(t, keys)}, func(r grpc.ServiceRegistrar) {
		userv1.RegisterUserServiceServer(r, verbose{name: strings.Repeat("a", 4<<20)})
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 16)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	conn := servicetest.Dial(t, listener)
	token, err := keys.Sign(devkeys.Claims{Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	err = getUserVendors(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token), conn)
	if got := infoOf(t, err).GetReason(); got != fault.ReasonResponseTooLarge {
		t.Errorf("%v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
