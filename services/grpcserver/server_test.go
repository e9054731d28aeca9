package grpcserver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway/apierror"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/fault"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

func TestNewRefuses(t *testing.T) {
	nothing := func(grpc.ServiceRegistrar) {}
	verifier := servicetest.NewVerifier(t)
	unknown := func(r grpc.ServiceRegistrar) {
		r.RegisterService(&grpc.ServiceDesc{ServiceName: "venta.unknown.v1.Service"}, nil)
	}
	tests := map[string]struct {
		options  grpcserver.Options
		register func(grpc.ServiceRegistrar)
		want     string
	}{
		"no verifier":    {grpcserver.Options{}, nothing, "a verifier is required"},
		"negative bound": {grpcserver.Options{Verifier: verifier, MaxRequestBytes: -1}, nothing, "bounds must not be negative"},
		"negative drain": {grpcserver.Options{Verifier: verifier, Drain: -1}, nothing, "bounds must not be negative"},
		"no schema":      {grpcserver.Options{Verifier: verifier}, unknown, "the schema of venta.unknown.v1.Service"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := grpcserver.New(test.options, test.register); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// No method of any service serves a caller that is not known.
func TestEveryMethodNeedsCredentials(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	outgoing := func(values ...string) context.Context {
		ctx := t.Context()
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
		}
		return ctx
	}
	good := servicetest.Bearer(s, "ada")
	contexts := map[string]context.Context{
		"none":         outgoing(),
		"wrong":        outgoing("Bearer a.b.c"),
		"basic":        outgoing("Basic dTpw"),
		"two":          outgoing(good, good),
		"another key":  outgoing(servicetest.Bearer(servicetest.Start(t, registerAll), "ada")),
		"another name": metadata.AppendToOutgoingContext(t.Context(), "x-authorization", good),
	}
	methods := 0
	for _, service := range servicetest.Services(t, registerAll) {
		for _, method := range service.Methods {
			methods++
			for name, ctx := range contexts {
				err := s.Conn.Invoke(ctx, fmt.Sprintf("/%s/%s", service.ServiceName, method.MethodName), &emptypb.Empty{}, &emptypb.Empty{})
				if status.Code(err) != codes.Unauthenticated || infoOf(t, err).GetDomain() != fault.Domain {
					t.Errorf("%s.%s, %s: %v", service.ServiceName, method.MethodName, name, err)
				}
			}
		}
	}
	if methods != 14 {
		t.Errorf("%d methods were called", methods)
	}
	if strings.Contains(s.Log.String(), "eyJ") {
		t.Error("a token was logged")
	}
}

func TestHealthAndReflectionNeedNone(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	for _, service := range []string{"", "venta.vendor.v2.VendorService", "venta.user.v1.UserService"} {
		got, err := healthpb.NewHealthClient(s.Conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(s.Conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	request := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	if listed, err := stream.Recv(); err != nil || len(listed.GetListServicesResponse().GetService()) < 4 {
		t.Errorf("%v, %v", listed, err)
	}
}

func TestErrorsShowNoInternals(t *testing.T) {
	const secret = "host=10.0.0.7 password=hunter2"
	tests := map[string]struct {
		do     func(context.Context) error
		code   codes.Code
		logged bool
	}{
		"plain error":      {func(context.Context) error { return errors.New(secret) }, codes.Internal, true},
		"status unknown":   {func(context.Context) error { return status.Error(codes.Unknown, secret) }, codes.Internal, true},
		"status internal":  {func(context.Context) error { return status.Error(codes.Internal, secret) }, codes.Internal, true},
		"wrapped internal": {func(context.Context) error { return fmt.Errorf("x: %w", status.Error(codes.Internal, secret)) }, codes.Internal, true},
		"panic":            {func(context.Context) error { panic(secret) }, codes.Internal, true},
		"panic with error": {func(context.Context) error { panic(errors.New(secret)) }, codes.Internal, true},
		"nil panic":        {func(context.Context) error { panic(nil) }, codes.Internal, false},
		"business error":   {func(context.Context) error { return fault.NotFound("vendor") }, codes.NotFound, false},
		"wrapped context":  {func(context.Context) error { return fmt.Errorf(secret+": %w", context.DeadlineExceeded) }, codes.DeadlineExceeded, false},
		"a gateway's": {func(context.Context) error {
			return &apierror.Error{Code: codes.Internal, Message: "x", Cause: errors.New(secret)}
		}, codes.Internal, true},
		"none": {func(context.Context) error { return nil }, codes.OK, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := servicetest.Start(t, registerFaulty(test.do))
			err := getUserVendors(s.As("ada"), s.Conn)
			servicetest.WantCode(t, err, test.code)
			if err != nil && strings.Contains(fmt.Sprint(err, status.Convert(err).Details()), "hunter2") {
				t.Errorf("internals left: %v", err)
			}
			if test.code == codes.Internal {
				if got := infoOf(t, err); got.GetReason() != fault.ReasonInternal || got.GetDomain() != fault.Domain {
					t.Errorf("info %v", got)
				}
			}
			if strings.Contains(s.Log.String(), "hunter2") != test.logged {
				t.Errorf("log:\n%s", s.Log)
			}
		})
	}
}

func TestABrokenStoreIsAnInternalError(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := vendorv2.NewVendorServiceClient(s.Conn).GetVendor(s.As("ada"), &vendorv2.GetVendorRequest{Id: "x"})
	servicetest.WantCode(t, err, codes.Internal)
	if strings.Contains(err.Error(), "closed") || !strings.Contains(s.Log.String(), "database is closed") {
		t.Errorf("error %v, log:\n%s", err, s.Log)
	}
}

func TestValidationReportsEveryField(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	_, err := vendorv2.NewVendorServiceClient(s.Conn).CreateVendor(s.As("ada"), &vendorv2.CreateVendorRequest{Website: "x"})
	if got := servicetest.Fields(t, err); len(got) != 3 {
		t.Errorf("fields %v", got)
	}
	if got := infoOf(t, err); got.GetReason() != fault.ReasonInvalidArgument || got.GetDomain() != fault.Domain {
		t.Errorf("info %v", got)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	_, err := userv1.NewUserServiceClient(s.Conn).HandleUserCreated(s.As("webhooks", "system"),
		&userv1.HandleUserCreatedRequest{UserId: strings.Repeat("x", 2<<20)})
	servicetest.WantCode(t, err, codes.ResourceExhausted)
}

func TestUnknownMethods(t *testing.T) {
	s := servicetest.Start(t, registerAll)
	err := s.Conn.Invoke(s.As("ada"), "/venta.user.v1.UserService/Nothing", &emptypb.Empty{}, &emptypb.Empty{})
	servicetest.WantCode(t, err, codes.Unimplemented)
}
