package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/webhook"
)

// TestWhatIsAcceptedIsServed holds that a policy which [policy.Method.Validate]
// accepts, and so the plugin, is one that the gateway builds: each value of a
// sound policy is replaced by others in its turn.
func TestWhatIsAcceptedIsServed(t *testing.T) {
	for name, test := range map[string]struct {
		describe func(policy.Method) gateway.Service
		sound    []policy.Method
	}{
		"unary":  {service, soundCalls()},
		"stream": {watch, soundStreams()},
		"write":  {remove, soundWrites()},
		"hook":   {hook, soundHooks()},
	} {
		t.Run(name, func(t *testing.T) {
			agree(t, test.describe, test.sound)
		})
	}
	blocks := reflect.TypeFor[policy.Method]()
	for i := range blocks.NumField() {
		isSet := func(m policy.Method) bool { return !reflect.ValueOf(m).Field(i).IsZero() }
		if !slices.ContainsFunc(slices.Concat(soundCalls(), soundStreams(), soundWrites(), soundHooks()), isSet) {
			t.Errorf("no sound policy has the block %s", blocks.Field(i).Name)
		}
	}
}

// remove describes a method that changes something.
func remove(p policy.Method) gateway.Service {
	s := service(policy.Method{})
	s.Methods = s.Methods[1:]
	s.Methods[0].Policy = p
	return s
}

// hook describes a method that takes deliveries.
func hook(p policy.Method) gateway.Service {
	return hooks(p, policy.Method{}, "/webhooks/one", "/webhooks/two")
}

// watch describes a method whose server streams.
func watch(p policy.Method) gateway.Service {
	return gateway.Service{Name: "grpc.health.v1.Health", Methods: []gateway.Method{{
		Name: "Watch", Call: gateway.ServerStream(grpc_health_v1.HealthClient.Watch),
		Bindings: []gateway.Binding{{Verb: http.MethodGet, Path: "/v1/watch/{service}"}}, Policy: p,
	}}}
}

func agree(t *testing.T, describe func(policy.Method) gateway.Service, sound []policy.Method) {
	rpc := rpcOf(t, describe(policy.Method{}))
	options, conn := complete(t), dialBackends(t, map[string]*backend{"a": {}})
	accepted, refused := 0, 0
	for i, m := range sound {
		if faults := m.Validate(rpc); len(faults) > 0 {
			t.Fatalf("policy %d is not sound: %v", i, faults)
		}
		vary(reflect.ValueOf(&m).Elem(), func(what string) {
			switch {
			case len(m.Validate(rpc)) > 0:
				refused++
				return
			case slices.ContainsFunc(m.RateLimits, hasTwoKeys):
				return
			}
			accepted++
			gw, err := gateway.New(options)
			if err != nil {
				t.Fatal(err)
			}
			if err := gw.Register(describe(m), conn); err != nil {
				t.Errorf("policy %d with %s: accepted and not served: %v", i, what, err)
			}
		})
	}
	if accepted < 20 || refused < 20 {
		t.Errorf("only %d are accepted and %d refused", accepted, refused)
	}
}

// rpcOf returns the facts about a service's first method.
func rpcOf(t *testing.T, s gateway.Service) policy.RPC {
	t.Helper()
	m := s.Methods[0]
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(s.Name + "." + m.Name))
	if err != nil {
		t.Fatal(err)
	}
	route := policy.Route{Verb: m.Bindings[0].Verb, Path: m.Bindings[0].Path, Body: m.Bindings[0].Body}
	if _, variable, ok := strings.Cut(m.Bindings[0].Path, "{"); ok {
		route.Variables = []string{strings.Trim(variable, "{}")}
	}
	return policy.NewRPC(found.(protoreflect.MethodDescriptor), []policy.Route{route})
}

// complete has all that a policy may need.
func complete(t *testing.T) gateway.Options {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewJWT(auth.JWTOptions{Keys: keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience})
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Options{
		Verifier: verifier, APIKeys: &auth.APIKeys{}, Logger: slog.New(slog.DiscardHandler),
		RateLimits: gateway.RateLimitOptions{Store: unused{}}, UncompressedResponses: true,
		Webhooks: webhook.NewSecrets(nil, func(string) (string, error) { return hookSecret, nil }),
	}
}

// vary replaces each value below v by others, one at a time, and puts it back.
func vary(v reflect.Value, check func(what string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			vary(v.Elem(), check)
			replace(v, reflect.Zero(v.Type()), check)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			for _, at := range []time.Time{{}, time.Unix(1, 0), time.Unix(1e9, 0), time.Unix(3e9, 0)} {
				replace(v, reflect.ValueOf(at), check)
			}
			return
		}
		for i := range v.NumField() {
			vary(v.Field(i), func(what string) { check(v.Type().Field(i).Name + " " + what) })
		}
	case reflect.Slice:
		for i := range v.Len() {
			vary(v.Index(i), check)
		}
		replace(v, reflect.Zero(v.Type()), check)
		replace(v, reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, 0), v.Slice(0, 0)), check)
		if v.Len() > 0 {
			replace(v, reflect.Append(v.Slice3(0, v.Len(), v.Len()), v.Index(0)), check)
		}
	default:
		for _, value := range values(v.Type()) {
			replace(v, value, check)
		}
	}
}

func replace(v, by reflect.Value, check func(what string)) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	v.Set(by)
	check(fmt.Sprintf("%.60v", by))
	v.Set(was)
}

// values are those at the limits of something, and wrong ones.
func values(t reflect.Type) []reflect.Value {
	var all []any
	switch t.Kind() {
	case reflect.String:
		all = []any{"", "a", "id", "vendor.id", "nosuch", "vendor:{id}", "{id", "a b", "Ä", "*", "x,y", "/v2", "//v2", "/v2/{id}",
			"https://example.com", "critical", "sheddable", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 5000)}
	case reflect.Bool:
		all = []any{true, false}
	case reflect.Float64:
		all = []any{-1.0, 0.0, 0.5, 1.0, 10.0, 10.5}
	case reflect.Int:
		if most, isEnum := enums()[t]; isEnum { // annotations can say no other
			for n := range most + 1 {
				all = append(all, n)
			}
			break
		}
		fallthrough
	default:
		for _, n := range []int64{-1, 0, 1, 2, 3, 4, 5, 6, 10, 50, 100, 101, 200, 201, 204, 1000, 1001, 1e6, 1e6 + 1, 1e9, 1e9 + 1, 1 << 30,
			int64(100 * time.Millisecond), int64(time.Second), int64(time.Minute), int64(10 * time.Minute), int64(time.Hour),
			int64(24 * time.Hour), int64(168 * time.Hour), int64(169 * time.Hour)} {
			all = append(all, n)
		}
	}
	var typed []reflect.Value
	for _, one := range all {
		v := reflect.ValueOf(one)
		if t.Kind() == reflect.Uint32 && v.Int() < 0 {
			continue
		}
		typed = append(typed, v.Convert(t))
	}
	return typed
}

// hasTwoKeys tells of a limit that no annotation can state: its key is a oneof.
func hasTwoKeys(l policy.RateLimit) bool {
	return l.Key.Source != policy.KeyField && l.Key.Field != ""
}

// enums are the highest values of the types that have names for them.
func enums() map[reflect.Type]int {
	return map[reflect.Type]int{
		reflect.TypeFor[policy.BreakerScope]():    int(policy.BreakerPerEndpoint),
		reflect.TypeFor[policy.RateLimitSource](): int(policy.KeyAPIKey),
		reflect.TypeFor[policy.StoreFailure]():    int(policy.FailureLocal),
		reflect.TypeFor[policy.Audience]():        int(policy.AudiencePrincipal),
		reflect.TypeFor[policy.Requirement]():     int(policy.AuthRequired),
		reflect.TypeFor[policy.AfterSunset]():     int(policy.GoneAfterSunset),
		reflect.TypeFor[policy.Scheme]():          int(policy.SchemeAPIKey),
	}
}

// unused is a shared store that no request reaches.
type unused struct{}

func (unused) Charge(context.Context, string, []ratelimit.Ask, []ratelimit.Count) error { return nil }
