package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// shop are the upstreams of a program.
var shop = map[string]string{"orders": "", "users": "127.0.0.1:9002", "geo-index.v1": "127.0.0.1:9003"}

func TestUpstreams(t *testing.T) {
	ca := write(t, "authorities")
	loaded := load(t, config.Options{Upstreams: shop, File: write(t, `
upstreams:
  default:
    connection: {connections_per_address: 2, idle_timeout: 1h, tls: {ca_file: `+ca+`}}
  orders: {target: dns:///orders:9001}
  users:
    connection: {connections_per_address: 3, idle_timeout: 90s, tls: {server_name: users}}
  geo-index.v1:
    connection: {tls: {disabled: true}}
`)})
	type view struct {
		target      string
		connections int32
		idle        time.Duration
		tls         string
	}
	see := func(name string) view {
		u := loaded.Upstream(name)
		c := u.GetConnection()
		v := view{u.GetTarget(), c.GetConnectionsPerAddress(), c.GetIdleTimeout().AsDuration(), "off"}
		if c.GetTls() != nil {
			v.tls = "on " + c.GetTls().GetServerName() + " " + loaded.File("upstreams."+name+".connection.tls.ca_file").Content.Reveal()
		}
		return v
	}
	got := []view{see("orders"), see("users"), see("geo-index.v1")}
	want := []view{
		{"dns:///orders:9001", 2, time.Hour, "on  authorities"},
		{"127.0.0.1:9002", 3, 90 * time.Second, "on users authorities"},
		{"127.0.0.1:9003", 2, time.Hour, "off"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(view{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := loaded.Upstream("orders").GetConnection().GetBackoffMax().AsDuration(); got != time.Second {
		t.Errorf("what nobody says is the default's, not %v", got)
	}
	if loaded.Upstream("ghost") != nil {
		t.Error("an upstream that is none")
	}
	if got := loaded.Source("upstreams.users.connection.tls.ca_file").Line; got != 4 {
		t.Errorf("what comes from default is written in line %d", got)
	}
	if got := loaded.Source("upstreams.users.connection.idle_timeout").Line; got != 7 {
		t.Errorf("what users say is written in line %d", got)
	}
}

func TestDefaultUpstream(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"the program's", "", "127.0.0.1:9002"},
		{"default", "upstreams: {default: {target: a:1}}", "a:1"},
		{"its own", "upstreams: {default: {target: a:1}, users: {target: b:2}}", "b:2"},
	}
	for _, test := range tests {
		options := config.Options{File: write(t, test.text), Upstreams: map[string]string{"users": "127.0.0.1:9002"}}
		if got := load(t, options).Upstream("users").GetTarget(); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
	both := "upstreams: {default: {connection: {tls: {disabled: true}}}, orders: {target: a:1, connection: {tls: {server_name: a}}}}"
	loaded := load(t, config.Options{File: write(t, both), Upstreams: shop})
	if tls := loaded.Upstream("orders").GetConnection().GetTls(); tls == nil || tls.GetDisabled() || loaded.Upstream("users").GetConnection().GetTls() != nil {
		t.Errorf("a block turns TLS on again: %v", tls)
	}
}

func TestFaultsOfUpstreams(t *testing.T) {
	const orders = "orders: {target: a:1}"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"the old form", "upstreams:\n  users: 127.0.0.1:9001\n  connection: {tls: {}}\n  connections:\n    users: {tls: {}}\n  " + orders, []string{
			`:2:10: upstreams.users: has become a block; write users: {target: "127.0.0.1:9001"}`,
			`:3:3: upstreams.connection: has moved; write it as upstreams.default.connection`,
			`:4:3: upstreams.connections: has moved; write each entry as upstreams.NAME.connection`,
		}},
		{"the old form with a variable", "upstreams: {users: 'user:${PASSWORD}@a', " + orders + "}", []string{`:1:20: upstreams.users: has become a block; write users: {target: TARGET}`}},
		{"no such upstream", "upstreams: {order: {target: a:1}, " + orders + "}", []string{`:1:13: upstreams: unknown upstream "order"; did you mean orders?`}},
		{"no such upstream, of the old form", "upstreams: {ghost: a:1, " + orders + "}", []string{`:1:13: upstreams: unknown upstream "ghost"; known are geo-index.v1, orders, users, default`}},
		{"no target", "http: a:1", []string{`:1:1: upstreams.orders.target: there is no target; write one, or one for all as upstreams.default.target`}},
		{"no target in its block", "upstreams:\n  orders: {connection: {never_idle: true}}", []string{`:2:3: upstreams.orders.target: there is no target; write one, or one for all as upstreams.default.target`}},
		{"no value", "upstreams: {orders: }", []string{`:1:13: upstreams.orders: has no value; give it one, or remove the line`}},
		{"given twice", "upstreams: {" + orders + ", " + orders + "}", []string{`:1:36: upstreams.orders: given twice; keep one of the two`}},
		{"a name that is none", "upstreams: {[a]: {}, " + orders + "}", []string{`:1:13: upstreams: a name has 1 to 64 letters, digits, _ and -`}},
		{"http", "upstreams: {orders: {target: http://orders:9001}}", []string{`:1:30: upstreams.orders.target: gRPC knows no http://; write HOST:PORT, or dns:///HOST:PORT, not "http://orders:9001"`}},
		{"a target for all", "upstreams: {default: {target: 'dns:///'}}", []string{
			`:1:31: upstreams.geo-index.v1.target: names nothing; write dns:///NAME, not "dns:///"`,
			`:1:31: upstreams.orders.target: names nothing; write dns:///NAME, not "dns:///"`,
			`:1:31: upstreams.users.target: names nothing; write dns:///NAME, not "dns:///"`,
		}},
		{"xds", "upstreams: {orders: {target: 'xds:///orders', connection: {connections_per_address: 2}}}", []string{
			`:1:30: upstreams.orders.target: xds needs a bootstrap; set GRPC_XDS_BOOTSTRAP to its file, or GRPC_XDS_BOOTSTRAP_CONFIG to its text`,
			`:1:85: upstreams.orders.connection.connections_per_address: must be 1 for a target of xds, whose control plane makes the connections`,
		}},
		{"what does not fit together", "upstreams:\n  default: {connection: {backoff_base: 2s, backoff_max: 3s}}\n  orders: {target: a:1, connection: {backoff_max: 1s}}", []string{
			`:3:25: upstreams.orders.connection: backoff_max is shorter than backoff_base; give it at least as much time`,
		}},
		{"what is wrong for all is said once", "upstreams:\n  default: {connection: {slow_start: 2h}}\n  " + orders, []string{
			`:2:38: upstreams.default.connection.slow_start: must be 0s or from 1s to 1h`,
		}},
		{"a file that is missing for all is said once", "upstreams:\n  default: {connection: {tls: {ca_file: /nowhere}}}\n  " + orders, []string{
			`:2:41: upstreams.default.connection.tls.ca_file: cannot be read: no such file or directory (/nowhere)`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			_, err := config.Load(config.Options{File: path, Upstreams: shop, Environ: []string{"PASSWORD=" + secret}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, strings.Split(strings.ReplaceAll(err.Error(), path, ""), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTargets(t *testing.T) {
	right := []string{
		"127.0.0.1:9001", "[::1]:9001", "localhost:9001", "orders.internal:9001", "orders", "dns:///orders", "dns:///orders:9001", "dns:orders:9001",
		"dns://8.8.8.8/orders:9001", "unix:///run/orders.sock", "unix:run/orders.sock", "unix-abstract:orders", "passthrough:///orders",
		"static:///10.0.0.1:1", "static:///10.0.0.1:1,10.0.0.2:1",
	}
	wrong := []string{
		"http://orders", "https://orders:443", "grpc://orders:9001", "orders:", ":9001", "orders:port", "orders:70000", "a b:1", "orders/v1:1", "a:1:2",
		"dns:///", "dns:", "dns:///a:b", "xds:///", "unix:", "unix:///", "unix://run/orders.sock", "passthrough:///", "static:///", "static:///a:1,", "static:///a:1,a:1", "static:///a",
	}
	for _, list := range []struct {
		targets []string
		want    bool
	}{{right, true}, {wrong, false}} {
		for _, target := range list.targets {
			_, err := config.Load(config.Options{Upstreams: map[string]string{"orders": target}})
			if (err == nil) != list.want {
				t.Errorf("%s: %v", target, err)
			}
		}
	}
}

func TestBootstrapOfXDS(t *testing.T) {
	o := config.Options{Upstreams: map[string]string{"orders": "xds:///orders"}}
	if _, err := config.Load(o); err == nil {
		t.Error("without a bootstrap")
	}
	for _, variable := range []string{"GRPC_XDS_BOOTSTRAP=/etc/xds.json", "GRPC_XDS_BOOTSTRAP_CONFIG={}"} {
		o.Environ = []string{variable}
		load(t, o)
	}
	o.Environ, o.NoFiles = nil, true
	if got := load(t, o).Unread(); len(got) != 1 || got[0].Error() != "default: upstreams.orders.target: the bootstrap of xds was not looked for" {
		t.Errorf("%v", got)
	}
}

func TestUpstreamsOutsideOfTheFile(t *testing.T) {
	_, err := config.Load(config.Options{
		Upstreams: shop,
		Environ: []string{
			"VENTA_UPSTREAMS_ORDERS=a:1", "VENTA_UPSTREAMS_CONNECTION_TLS_CA_FILE=/ca.pem", "VENTA_UPSTREAMS_GEO_INDEX_V1_TARGET=http://a",
			"VENTA_UPSTREAMS_DEFAULT_CONNECTION_SLOW_START=2h",
		},
		Flags: []config.Setting{
			{From: "--upstream ordrs", Field: "upstreams.ordrs.target", Value: "a:1"},
			{From: "--upstream orders", Field: "upstreams.orders.target", Value: "a:1"},
			{From: "--mistake", Field: "upstreams.orders.connection", Value: "a:1"},
		},
	})
	want := []string{
		`--mistake: there is no field upstreams.orders.connection that takes a value`,
		`--upstream ordrs: unknown upstream "ordrs"; did you mean orders?`,
		`VENTA_UPSTREAMS_CONNECTION_TLS_CA_FILE: has moved; write VENTA_UPSTREAMS_DEFAULT_CONNECTION_TLS_CA_FILE`,
		`VENTA_UPSTREAMS_DEFAULT_CONNECTION_SLOW_START: upstreams.default.connection.slow_start: must be 0s or from 1s to 1h`,
		`VENTA_UPSTREAMS_ORDERS: has moved; write VENTA_UPSTREAMS_ORDERS_TARGET`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgramsThatAreWrong(t *testing.T) {
	redis := &configv1.Redis{}
	tests := []struct {
		name    string
		options config.Options
		want    string
	}{
		{"a name that is taken", config.Options{Upstreams: map[string]string{"default": ""}}, `upstream "default": a name has letters, digits and _ . - between them, and "default" is taken`},
		{"a name with a space", config.Options{Upstreams: map[string]string{"a b": ""}}, `upstream "a b": a name has`},
		{"a name within another", config.Options{Upstreams: map[string]string{"a": "", "a.connection": ""}}, `upstream "a.connection": its paths could be those of "a"; rename one`},
		{"two names with one variable", config.Options{Upstreams: map[string]string{"a-b": "", "a.b": ""}}, `upstreams.a-b.target and upstreams.a.b.target would both be set by VENTA_UPSTREAMS_A_B_TARGET; rename one`},
		{"a field of the core", config.Options{Extensions: []config.Extension{{Name: "redis", Message: redis}}}, `extension "redis": the core has a field of this name`},
		{"a variable of the core", config.Options{Extensions: []config.Extension{{Name: "redis_tls", Message: &configv1.Tls{}}}}, `redis.tls.ca_file and redis_tls.ca_file would both be set by VENTA_REDIS_TLS_CA_FILE; rename one`},
		{"twice", config.Options{Extensions: []config.Extension{{Name: "a", Message: redis}, {Name: "a", Message: redis}}}, `extension "a": given twice`},
		{"no message", config.Options{Extensions: []config.Extension{{Name: "a"}}}, `extension "a": it has no message`},
		{"no name", config.Options{Extensions: []config.Extension{{Name: "A-b", Message: redis}}}, `extension "A-b": a name is in lower_snake_case`},
		{"a sample of something else", config.Options{Extensions: []config.Extension{{Name: "store", Message: redis, Sample: "http: a:1"}}}, `the sample of extension "store" is wrong: sample:1:1: unknown field "http"; known are store`},
		{"a sample that is wrong", config.Options{Extensions: []config.Extension{{Name: "store", Message: redis, Sample: "store: {db: x}"}}}, `the sample of extension "store" is wrong: sample:1:13: store.db: must be a whole number, not "x"`},
	}
	for _, test := range tests {
		for _, use := range []func(config.Options) error{
			func(o config.Options) error { _, err := config.Load(o); return err },
			func(o config.Options) error { _, err := config.JSONSchema(o); return err },
		} {
			if err := use(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
}
