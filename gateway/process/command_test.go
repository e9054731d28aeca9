package process_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/process"
)

func TestCommands(t *testing.T) {
	p := shop(bearer)
	p.Upstreams["quotes"] = process.Upstream{Register: []process.Register{func(*gateway.Gateway, grpc.ClientConnInterface) error { return nil }}} // no target
	p.Commands = []process.Command{{Name: "import", Help: "Read orders of ${region}.", Run: func(_ context.Context, in process.Invocation) error {
		return errors.New("import got " + strings.Join(in.Args, " "))
	}}}
	data := filepath.Join(t.TempDir(), "data")
	tests := []struct {
		args   string
		stdout string // a part
		err    string // a part; "": it succeeds
	}{
		{"version", "shop v1.2.3 (gateway ", ""},
		{"--help", "Read orders of ${region}.", ""},
		{"--help", "service", ""},
		{"serve --help", "--upstream", ""},
		{"policy list", "grpc.testing.TestService/UnaryCall  POST /v1/echo, GET /v1/echo/{response_size}\n  timeout, rate_limits, auth\n", ""},
		{"policy explain grpc.testing.TestService/UnaryCall", "duration: 5s", ""},
		{"policy explain GET_/v1/echo/7?x=1", "requests: 1000", ""},
		{"policy explain post_/v1/echo", "requests: 1000", ""},
		{"policy explain GET_/v1/nothing", "", "there is no route GET /v1/nothing"},
		{"policy explain UnaryCall", "", "grpc.testing.TestService/UnaryCall"},
		{"policy explain --json", `"method": "grpc.testing.TestService/UnaryCall"`, ""},
		{"config sample", "upstreams:", ""},
		{"config sample", "orders:", ""},
		{"config schema", `"orders"`, ""},
		{"apikey partner --subject acme", `"id":"partner"`, ""},
		{"apikey partner --subject acme --ttl=-1h", "", "--ttl"},
		{"apikey partner --subject acme --ttl 1ms", "", "--ttl"},
		{"apikey partner --subject=", "", "subject"},
		{"token --subject ada --data " + data, "ey", ""},
		{"token", "", "--subject"},
		{"service orders --listen 127.0.0.1:99999 --data " + data, "", "--listen: listen"},
		{"dev --upstream orders=127.0.0.1:9 --data " + data, "", "--upstream orders: it runs in this process"},
		{"service payment", "", `there is no service "payment"`},
		{"import a -b", "", "import got a -b"},
		{"gateway", "", "shop --help"},
		{"dev --htpp x", "", "unknown flag --htpp"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			args := strings.Fields(test.args)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "_/", " /")
			}
			stdout, _, err := execute(t, p, nil, args...)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if !strings.Contains(stdout, test.stdout) {
				t.Errorf("no %q in:\n%s", test.stdout, stdout)
			}
		})
	}
}

func TestSampleChecks(t *testing.T) {
	sample, _, err := execute(t, shop(nil), nil, "config", "sample")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), sample)
	if stdout, stderr, err := execute(t, shop(nil), nil, "config", "check", path); err != nil || stdout != "ok\n" {
		t.Errorf("%s%s: %v", stdout, stderr, err)
	}
}

func TestProgramsAreChecked(t *testing.T) {
	good := shop(nil)
	edit := func(change func(*process.Program)) process.Program {
		p := shop(nil)
		change(&p)
		return p
	}
	for want, p := range map[string]process.Program{
		"Name":      edit(func(p *process.Program) { p.Name = "My Shop" }),
		"Upstreams": edit(func(p *process.Program) { p.Upstreams = nil }),
		"Register":  edit(func(p *process.Program) { p.Upstreams = process.Upstreams{"a": {}} }),
		"exclude": edit(func(p *process.Program) {
			u := p.Upstreams["orders"]
			u.Server = func(context.Context, process.Host) (process.Server, error) { return nil, nil } //nolint:nilnil // it is never called
			p.Upstreams = process.Upstreams{"orders": u}
		}),
		`"serve"`: edit(func(p *process.Program) {
			p.Commands = []process.Command{{Name: "serve", Run: func(context.Context, process.Invocation) error { return nil }}}
		}),
		`"twice"`: edit(func(p *process.Program) {
			twice := process.Command{Name: "twice", Run: func(context.Context, process.Invocation) error { return nil }}
			p.Commands = []process.Command{twice, twice}
		}),
	} {
		if err := process.Run(t.Context(), p, process.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, _, err := execute(t, good, nil, "version"); err != nil {
		t.Error(err)
	}
}
