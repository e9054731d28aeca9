package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/webhook"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
)

const (
	hookSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
)

// hooks describes two methods that take deliveries.
func hooks(created, deleted policy.Method, first, second string) gateway.Service {
	return gateway.Service{Name: "venta.user.v1.UserService", Methods: []gateway.Method{
		{
			Name: "HandleUserCreated", Call: gateway.Unary(userv1.UserServiceClient.HandleUserCreated), Policy: created,
			Bindings: []gateway.Binding{{Verb: http.MethodPost, Path: first, Body: "*"}},
		},
		{
			Name: "HandleUserDeleted", Call: gateway.Unary(userv1.UserServiceClient.HandleUserDeleted), Policy: deleted,
			Bindings: []gateway.Binding{{Verb: http.MethodPost, Path: second, Body: "*"}},
		},
	}}
}

func svixHook(event string) policy.Method {
	return policy.Method{Webhook: &policy.Webhook{Scheme: policy.WebhookSvix, Secret: "shop", EventField: "type", Event: event}}
}

// users takes what is delivered.
type users struct {
	userv1.UnimplementedUserServiceServer

	mu    sync.Mutex
	calls []string
	md    metadata.MD
	fail  error
}

func (u *users) take(ctx context.Context, what string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls = append(u.calls, what)
	u.md, _ = metadata.FromIncomingContext(ctx)
	return u.fail
}

func (u *users) HandleUserCreated(ctx context.Context, r *userv1.HandleUserCreatedRequest) (*userv1.HandleUserCreatedResponse, error) {
	return &userv1.HandleUserCreatedResponse{}, u.take(ctx, "created "+r.GetData().GetId())
}

func (u *users) HandleUserDeleted(ctx context.Context, r *userv1.HandleUserDeletedRequest) (*userv1.HandleUserDeletedResponse, error) {
	return &userv1.HandleUserDeletedResponse{}, u.take(ctx, "deleted "+r.GetData().GetId())
}

// hooked is a gateway with these two methods.
type hooked struct {
	*users
	gateway *gateway.Gateway
	handler http.Handler
	secrets *webhook.Secrets
	log     *syncBuffer
}

func startHooks(t *testing.T, created, deleted policy.Method, o gateway.Options) *hooked {
	t.Helper()
	h := &hooked{users: &users{}, secrets: webhook.NewSecrets(map[string][]string{"shop": {hookSecret}}, nil), log: &syncBuffer{}}
	conn := gatewaytest.Dial(t, func(s grpc.ServiceRegistrar) { userv1.RegisterUserServiceServer(s, h.users) })
	o.Webhooks, o.Logger = h.secrets, slog.New(slog.NewJSONHandler(h.log, nil))
	var err error
	if h.gateway, err = gateway.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.gateway.Close() })
	if err := h.gateway.Register(hooks(created, deleted, "/webhooks/shop", "/webhooks/shop"), conn); err != nil {
		t.Fatal(err)
	}
	h.handler = h.gateway.Handler()
	return h
}

// deliver sends what the reference library signs, and more header.
func (h *hooked) deliver(t *testing.T, secret, text string, more ...string) answer {
	t.Helper()
	sender, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	signature, err := sender.Sign("msg_1", at, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks/shop", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Svix-Id", "msg_1")
	r.Header.Set("Svix-Timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("Svix-Signature", signature)
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	return serve(h.handler, r)
}

const (
	userCreated = `{"type":"user.created","data":{"id":"7","first_name":"Ada","email_addresses":[]},"object":"event"}`
	userDeleted = `{"type":"user.deleted","data":{"id":"7","deleted":true}}`
	userUpdated = `{"type":"user.updated","data":{"id":"7"}}`
)

// TestDeliveriesGoToTheRPCOfTheirEvent holds the whole of it: one path, two RPCs, and
// what is nobody's.
func TestDeliveriesGoToTheRPCOfTheirEvent(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	created, deleted := svixHook("user.created"), svixHook("user.deleted")
	deleted.Response = &policy.Response{Status: http.StatusNoContent}
	h := startHooks(t, created, deleted, gateway.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	for _, test := range []struct {
		secret, text string
		more         []string
		status       int
		reason       string
	}{
		{hookSecret, userCreated, nil, 200, ""},
		{hookSecret, userDeleted, nil, 204, ""},
		{hookSecret, userUpdated, nil, 204, ""},
		{hookSecret, `{"data":7}`, nil, 204, ""},
		{hookSecret, `{"type":"user.created","data":7}`, nil, 400, "INVALID_REQUEST"},
		{hookSecret, `type=user.created`, nil, 400, "INVALID_REQUEST"},
		{hookSecret, userCreated, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{hookSecret, userCreated, []string{"Content-Encoding", "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{hookSecret, strings.Repeat(" ", 4<<20) + userCreated, nil, 413, "REQUEST_TOO_LARGE"},
		{otherSecret, userCreated, nil, 401, "WEBHOOK_SIGNATURE_INVALID"},
		{otherSecret, userUpdated, nil, 401, "WEBHOOK_SIGNATURE_INVALID"},
		{hookSecret, userCreated, []string{"Svix-Id", ""}, 401, "WEBHOOK_UNSIGNED"},
		{hookSecret, userCreated, []string{"Svix-Timestamp", "1700000000"}, 401, "WEBHOOK_TIMESTAMP_INVALID"},
	} {
		if a := h.deliver(t, test.secret, test.text, test.more...); a.status != test.status || a.reason() != test.reason {
			t.Errorf("%.50s %v: %d %q, want %d %q", test.text, test.more, a.status, a.body, test.status, test.reason)
		}
	}
	if want := []string{"created 7", "deleted 7"}; !slices.Equal(h.calls, want) {
		t.Errorf("calls %q, want %q", h.calls, want)
	}
	want := map[string]int64{
		"HandleUserCreated accepted": 3, "HandleUserDeleted accepted": 1, "HandleUserCreated unmatched": 2,
		"HandleUserCreated malformed": 1, "HandleUserCreated forged": 2, "HandleUserCreated unsigned": 1, "HandleUserCreated stale": 1,
	}
	got := deliveriesOf(t, reader)
	for key, n := range want {
		if got[key] != n {
			t.Errorf("%s: %d, want %d in %v", key, got[key], n, got)
		}
	}
	if log := h.log.String(); !strings.Contains(log, `"venta.policy.name":"webhook"`) || !strings.Contains(log, "WEBHOOK_SIGNATURE_INVALID") || strings.Contains(log, hookSecret[6:]) {
		t.Errorf("log %s", log)
	}
	if log := h.log.String(); !strings.Contains(log, "HandleUserDeleted") {
		t.Errorf("the log does not name the RPC that took it: %s", log)
	}
}

func deliveriesOf(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "venta.webhook.deliveries" {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				method, _ := point.Attributes.Value("rpc.method")
				outcome, _ := point.Attributes.Value("venta.webhook.outcome")
				name := method.AsString()
				found[name[strings.LastIndexAny(name, "./")+1:]+" "+outcome.AsString()] += point.Value
			}
		}
	}
	return found
}

// TestServicesLearnWhoHasDelivered holds that the sender is told as a caller is, and that
// nobody can say it by a header.
func TestServicesLearnWhoHasDelivered(t *testing.T) {
	h := startHooks(t, svixHook("user.created"), svixHook("user.deleted"), gateway.Options{})
	h.deliver(t, hookSecret, userDeleted, "X-Venta-Subject", "root", "Grpc-Metadata-X-Venta-Roles", "system")
	if h.md.Get("x-venta-subject")[0] != "shop" || h.md.Get("x-venta-scheme")[0] != auth.SchemeWebhook || len(h.md.Get("x-venta-roles")) > 0 {
		t.Errorf("metadata %v", h.md)
	}
}

// TestASharedSecretDoesNotTravel holds it for the one header that else does.
func TestASharedSecretDoesNotTravel(t *testing.T) {
	u := &users{}
	conn := gatewaytest.Dial(t, func(s grpc.ServiceRegistrar) { userv1.RegisterUserServiceServer(s, u) })
	p := policy.Method{Webhook: &policy.Webhook{Scheme: policy.WebhookSharedSecret, Secret: "shop", Header: "Authorization"}}
	gw, err := gateway.New(gateway.Options{
		Logger: slog.New(slog.DiscardHandler), Webhooks: webhook.NewSecrets(map[string][]string{"shop": {"Bearer 0123456789"}}, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := hooks(p, policy.Method{}, "/webhooks/shop", "/webhooks/other")
	s.Methods = s.Methods[:1]
	if err := gw.Register(s, conn); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]int{"Bearer 0123456789": 200, "Bearer 012345678": 401} {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/shop", strings.NewReader(userCreated))
		r.Header.Set("Authorization", secret)
		if a := serve(gw.Handler(), r); a.status != want {
			t.Errorf("%q: %d %s", secret, a.status, a.body)
		}
	}
	if len(u.calls) != 1 || len(u.md.Get("authorization")) > 0 {
		t.Errorf("calls %q, metadata %v", u.calls, u.md)
	}
}

// TestGuessingSignaturesIsLimited holds that limits by the connection are counted before
// anything is verified, once for all RPCs of the path.
func TestGuessingSignaturesIsLimited(t *testing.T) {
	with := func(event string) policy.Method {
		p := svixHook(event)
		p.RateLimits = []policy.RateLimit{limit(3, policy.KeyClientIP)}
		return p
	}
	h := startHooks(t, with("user.created"), with("user.deleted"), gateway.Options{})
	for i, secret := range []string{otherSecret, otherSecret, hookSecret, hookSecret} {
		want := []int{401, 401, 200, 429}[i]
		if a := h.deliver(t, secret, userDeleted); a.status != want {
			t.Errorf("delivery %d: %d, want %d", i, a.status, want)
		}
	}
}

// TestForgedDeliveriesAreNobodysFailure holds that they open no breaker.
func TestForgedDeliveriesAreNobodysFailure(t *testing.T) {
	with := func(event string) policy.Method {
		p := svixHook(event)
		p.CircuitBreaker = breakerPolicy(2)
		return p
	}
	h := startHooks(t, with("user.created"), with("user.deleted"), gateway.Options{})
	for range 5 {
		h.deliver(t, otherSecret, userCreated)
	}
	if a := h.deliver(t, hookSecret, userCreated); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	h.fail = status.Error(codes.Unavailable, "down")
	for range 3 {
		h.deliver(t, hookSecret, userDeleted)
	}
	if a := h.deliver(t, hookSecret, userDeleted); a.reason() != "CIRCUIT_OPEN" {
		t.Errorf("the policy of the RPC that takes it does not hold: %d %s", a.status, a.body)
	}
	h.fail = nil
	if a := h.deliver(t, hookSecret, userCreated); a.status != http.StatusOK {
		t.Errorf("the other one's breaker opened, too: %d %s", a.status, a.body)
	}
}

// TestSecretsAreReplacedWhileDeliveriesCome holds the rotation on all RPCs of a path.
func TestSecretsAreReplacedWhileDeliveriesCome(t *testing.T) {
	h := startHooks(t, svixHook("user.created"), svixHook("user.deleted"), gateway.Options{})
	both := func(values ...string) {
		t.Helper()
		if err := h.secrets.Replace(map[string][]string{"shop": values}); err != nil {
			t.Fatal(err)
		}
	}
	both(hookSecret, otherSecret)
	for _, secret := range []string{hookSecret, otherSecret} {
		if a := h.deliver(t, secret, userCreated); a.status != http.StatusOK {
			t.Errorf("%d", a.status)
		}
	}
	both(otherSecret)
	if a := h.deliver(t, hookSecret, userDeleted); a.status != http.StatusUnauthorized {
		t.Errorf("%d", a.status)
	}
	if a := h.deliver(t, otherSecret, userDeleted); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
}

func TestWebhooksThatCannotBeHonoured(t *testing.T) {
	conn := gatewaytest.Dial(t, func(s grpc.ServiceRegistrar) { userv1.RegisterUserServiceServer(s, &users{}) })
	other := svixHook("user.deleted")
	other.Limits = &policy.Limits{MaxRequestBytes: 9}
	for name, test := range map[string]struct {
		created, deleted policy.Method
		values           map[string][]string
		want             string
	}{
		"no secret":        {svixHook("a"), svixHook("b"), nil, `secret "shop": no value of it is configured (webhooks.secrets)`},
		"no such secret":   {svixHook("a"), svixHook("b"), map[string][]string{"stop": {hookSecret}}, `secret "shop": no value`},
		"no usable secret": {svixHook("a"), svixHook("b"), map[string][]string{"shop": {"short"}}, `does not begin with "whsec_"`},
		"the same event":   {svixHook("a"), svixHook("a"), map[string][]string{"shop": {hookSecret}}, `both take the event "a"`},
		"other limits":     {svixHook("a"), other, map[string][]string{"shop": {hookSecret}}, "settings that differ"},
		"no webhook":       {svixHook("a"), policy.Method{}, map[string][]string{"shop": {hookSecret}}, "matches the same paths"},
	} {
		gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), Webhooks: webhook.NewSecrets(test.values, nil)})
		if err != nil {
			t.Fatal(err)
		}
		err = gw.Register(hooks(test.created, test.deleted, "/webhooks/shop", "/webhooks/shop"), conn)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := gw.Register(hooks(svixHook("a"), svixHook("b"), "/webhooks/shop", "/webhooks/shop"), conn); err == nil {
		t.Error("a gateway without secrets takes deliveries")
	}
}

// TestNoMuxTakesDeliveriesUnverified holds it with and without a gateway in the context.
func TestNoMuxTakesDeliveriesUnverified(t *testing.T) {
	conn := gatewaytest.Dial(t, func(s grpc.ServiceRegistrar) { userv1.RegisterUserServiceServer(s, &users{}) })
	gw, err := gateway.New(gateway.Options{
		Logger: slog.New(slog.DiscardHandler), Webhooks: webhook.NewSecrets(map[string][]string{"shop": {hookSecret}}, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"alone": t.Context(), "with a gateway": gateway.NewContext(t.Context(), gw)} {
		mux := runtime.NewServeMux()
		err := gateway.RegisterOnMux(ctx, mux, hooks(svixHook("a"), svixHook("b"), "/webhooks/a", "/webhooks/b"), conn)
		if !errors.Is(err, assembly.ErrNoWebhooks) {
			t.Errorf("%s: %v", name, err)
		}
		if a := serve(mux, httptest.NewRequest(http.MethodPost, "/webhooks/a", strings.NewReader(userCreated))); a.status != http.StatusNotFound {
			t.Errorf("%s: it is served: %d", name, a.status)
		}
	}
}

// TestOverridesOfOneRPCOfAPath holds that what RPCs of a path share stays equal, and
// what they do not may change.
func TestOverridesOfOneRPCOfAPath(t *testing.T) {
	h := startHooks(t, svixHook("user.created"), svixHook("user.deleted"), gateway.Options{})
	bound := func(methods string) gateway.Override {
		return gateway.Override{Methods: methods, Policy: &policyv1.Policy{Limits: &policyv1.Limits{MaxRequestBytes: new(int64(10))}}}
	}
	if err := h.gateway.Override([]gateway.Override{bound("venta.user.v1.UserService/HandleUserDeleted")}); err == nil {
		t.Error("one RPC of a path has other limits")
	}
	if err := h.gateway.Override([]gateway.Override{bound("venta.user.v1.UserService/*")}); err != nil {
		t.Fatal(err)
	}
	if a := h.deliver(t, hookSecret, userDeleted); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", a.status)
	}
	gone := gateway.Override{Methods: "venta.user.v1.UserService/HandleUserDeleted", Policy: &policyv1.Policy{Response: &policyv1.Response{Status: new(int32(202))}}}
	if err := h.gateway.Override([]gateway.Override{gone}); err != nil {
		t.Fatal(err)
	}
	if a := h.deliver(t, hookSecret, userDeleted); a.status != http.StatusAccepted {
		t.Errorf("%d", a.status)
	}
}

// TestACompressedDeliveryIsNotUnpacked holds that nothing is decoded before it is
// verified.
func TestACompressedDeliveryIsNotUnpacked(t *testing.T) {
	h := startHooks(t, svixHook("user.created"), svixHook("user.deleted"), gateway.Options{})
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = io.WriteString(writer, userCreated)
	_ = writer.Close()
	if a := h.deliver(t, hookSecret, packed.String(), "Content-Encoding", "gzip"); a.status != http.StatusUnsupportedMediaType || len(h.calls) > 0 {
		t.Errorf("%d, calls %q", a.status, h.calls)
	}
}
