package process_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// What must be seen nowhere. Each is a word of its own, whatever stands around it.
const (
	canaryToken    = "canary-token-3f1c"
	canaryKey      = "canary-key-9b2e"
	canaryPassword = "canary-password-77aa"
	canaryField    = "canary-field-c0de"
	canaryQuery    = "canary-query-51d8"
	canaryFile     = "canary-file-key-0a0b0c0d"
)

// loginClient calls an RPC whose request has a secret field (debug_redact): that of a
// message which the project has anyway.
type loginClient struct{ conn grpc.ClientConnInterface }

func (c loginClient) Login(ctx context.Context, in *configv1.Redis, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	out := &emptypb.Empty{}
	return out, c.conn.Invoke(ctx, "/shop.v1.LoginService/Login", in, out, opts...)
}

// registerLogin makes the RPC known, as generated code does, once for all tests.
var registerLogin = sync.OnceValue(func() error {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("shop/v1/login.proto"), Package: new("shop.v1"), Syntax: new("proto3"),
		Dependency: []string{"venta/config/v1/redis.proto", "google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("LoginService"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: new("Login"), InputType: new(".venta.config.v1.Redis"), OutputType: new(".google.protobuf.Empty"),
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// login is a program with that RPC. Its upstream panics with the request.
func login() process.Program {
	service := gateway.Service{Name: "shop.v1.LoginService", Source: "shop/v1/login.proto", Methods: []gateway.Method{{
		Name: "Login",
		Call: gateway.Unary(loginClient.Login),
		Bindings: []gateway.Binding{
			{Verb: "POST", Path: "/v1/login", Body: "*"}, {Verb: "GET", Path: "/v1/logins/{password}"},
		},
		Policy: policy.Method{
			Auth: &policy.Auth{Requirement: policy.AuthOptional, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}},
			RateLimits: []policy.RateLimit{{
				Name: "logins", Requests: 1000, Interval: 1e9, Burst: 1000,
				Key: policy.RateLimitKey{Source: policy.KeyField, Field: "password"}, Cost: policy.RateLimitCost{Units: 1},
			}},
		},
	}}}
	return process.Program{
		Name: "shop", Version: "v1", Upstreams: process.Upstreams{"logins": {
			Target:   "127.0.0.1:9",
			Register: []process.Register{func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error { return gw.Register(service, conn) }},
			Serve:    func(grpc.ServiceRegistrar) {},
		}},
		Interceptors: gateway.Interceptors{Call: []grpc.UnaryClientInterceptor{
			func(_ context.Context, _ string, request, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				panic(request)
			},
		}},
	}
}

// TestNoSecretLeaves plants values where secrets are, and looks for them in all that a
// process says: its log at every level, its audit log, the admin address, what its
// clients read of errors, and what its commands print.
func TestNoSecretLeaves(t *testing.T) {
	if err := registerLogin(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	auditFile, hashKey := filepath.Join(folder, "audit.log"), write(t, filepath.Join(folder, "hash.key"), canaryFile)
	keys := filepath.Join(folder, "keys.json")
	keyFile(t, keys, "a")
	config := "logging: {level: debug, access: {principal_key_file: " + hashKey + "}}\naudit: {file: " + auditFile + "}\n" +
		"auth: {api_keys_file: " + keys + ", development_keys: true}\n" +
		"redis: {addresses: ['127.0.0.1:9'], password: " + canaryPassword + "}\n"
	file := write(t, filepath.Join(folder, "shop.yaml"), config)
	said := &bytes.Buffer{}

	r := runWith(t, login(), process.Options{ConfigFile: file, Local: true})
	request := func(verb, path, body string, fields ...string) {
		req, err := http.NewRequestWithContext(t.Context(), verb, r.HTTPURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			req.Header.Set(fields[i], fields[i+1])
		}
		response, err := fresh().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(answer)
	}
	request("POST", "/v1/login?x="+canaryQuery, `{"password": "`+canaryField+`"}`, "Authorization", "Bearer "+canaryToken)
	request("POST", "/v1/login", `{"password": "`+canaryField+`"}`, "X-Api-Key", canaryKey)
	request("POST", "/v1/login", `{"password": "`+canaryField+`"}`) // panics with the message
	request("POST", "/v1/login", `{"password": "`+canaryField+`", "db": "`+canaryField+`"}`)
	request("POST", "/v1/login", `{"password": `+canaryField+`}`)
	request("POST", "/v1/login", `{"password": "`+canaryField+`\xff`)
	request("GET", "/v1/logins/"+canaryField, "")
	request("PUT", "/v1/logins/"+canaryField, "")            // no such method
	request("GET", "/v1/logins/"+canaryField+"/nowhere", "") // no such route
	r.logged(t, `"url.path":"/v1/logins/\{password\}"`)
	r.logged(t, `panic in an interceptor[^\n]*a value of \*configv1.Redis`)

	for _, page := range []string{"/metrics", "/policies", "/upstreams", "/health", "/"} {
		_, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+page)
		said.WriteString(body)
	}
	r.rewrite(t, strings.Replace(config, canaryPassword, canaryPassword+"-2", 1)+"allowed_origins: [https://a.example]\n")
	r.logged(t, "configuration changed")
	r.rewrite(t, strings.Replace(config, "password: ", "password: ["+canaryPassword+"], pasword: ", 1))
	r.logged(t, "configuration refused")
	audited(t, auditFile, "action", "config.reload", "error", "redis")

	for _, arguments := range [][]string{{"config", "check", file}, {"policy", "explain", "--config", file}, {"policy", "explain", "--json", "--config", file}} {
		out, errs, err := execute(t, login(), nil, arguments...)
		said.WriteString(out + errs)
		if err != nil {
			said.WriteString(err.Error())
		}
	}
	r.stop()
	r.logged(t, "shutting down")
	records, err := os.ReadFile(auditFile)
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"the log": r.log.String(), "the audit log": string(records), "what was said": said.String()} {
		for _, canary := range []string{canaryToken, canaryKey, canaryPassword, canaryField, canaryQuery, canaryFile} {
			if before, _, found := strings.Cut(text, canary); found {
				t.Errorf("%s holds %s: ...%s", where, canary, before[max(0, len(before)-300):])
			}
		}
		if len(text) == 0 {
			t.Errorf("%s is empty", where)
		}
	}
}
