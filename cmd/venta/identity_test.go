package main_test

import (
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// keyed is a configuration in which RPCs take API keys, where their authors let
// operators decide, and a key.
func keyed(t *testing.T, more string) (key, config string) {
	t.Helper()
	printed, stderr, code := finished(t, nil, "apikey", "partner", "--subject", "acme")
	entry := regexp.MustCompile(`(?m)^\{.*\}$`).FindString(printed)
	if key = regexp.MustCompile(`vk_\S+`).FindString(printed); code != 0 || key == "" || entry == "" {
		t.Fatalf("%d %s %s", code, printed, stderr)
	}
	file := writeFile(t, filepath.Join(t.TempDir(), "keys.json"), "["+entry+"]")
	return key, configFile(t, "auth: {api_keys_file: "+file+"}\n"+more+`
overrides:
  - methods: venta.vendor.v1.VendorService/*
    policy: {auth: {requirement: required, schemes: [bearer, api_key]}}
  - methods: venta.user.v1.UserService/GetUserVendors
    policy: {auth: {requirement: required, schemes: [bearer, api_key]}}
`)
}

// byKey makes a request with an API key.
func byKey(t *testing.T, base, key, verb, path, body string) response {
	t.Helper()
	c := newClient(base, "", "127.0.0.2")
	c.key = key
	return c.do(t, verb, path, body)
}

// ownsWhatItMakes holds that services know a caller with an API key.
func ownsWhatItMakes(t *testing.T, base, key string) {
	t.Helper()
	made := byKey(t, base, key, http.MethodPost, "/v1/vendors", `{"name":"Tacos Acme","email":"acme@example.com"}`)
	if made.status/100 != 2 {
		t.Fatalf("create: %d %s", made.status, made.body)
	}
	if mine := byKey(t, base, key, http.MethodGet, "/v1/users/me/vendors", ""); !strings.Contains(mine.body, "Tacos Acme") {
		t.Errorf("its own: %d %s", mine.status, mine.body)
	}
}

func TestServicesKnowWhoHasAnAPIKey(t *testing.T) {
	t.Parallel()
	key, config := keyed(t, "")
	data := t.TempDir()
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config", config)
	base := p.address(t, `REST on (http://\S+) `)
	ownsWhatItMakes(t, base, key)
	if got := byKey(t, base, "vk_wrong", http.MethodGet, "/v1/users/me/vendors", ""); got.status != http.StatusUnauthorized {
		t.Errorf("a wrong key: %d", got.status)
	}
	if got := newClient(base, token(t, data, "ada"), "127.0.0.2").do(t, http.MethodGet, "/v1/users/me/vendors", ""); got.status != http.StatusOK || strings.Contains(got.body, "Acme") {
		t.Errorf("a token: %d %s", got.status, got.body)
	}
}

// freeAddress is one that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// startVouching runs a gateway, and services as processes of their own, which have the
// configuration of the identity, ADMIN being the gateway's admin address.
func startVouching(t *testing.T, block string) (base, key, vendor, data string) {
	t.Helper()
	admin := freeAddress(t)
	key, config := keyed(t, "identity: "+strings.ReplaceAll(block, "ADMIN", admin))
	data = t.TempDir()
	args := []string{"serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", admin, "--data", data, "--config", config}
	for _, name := range []string{"vendor", "user", "location"} {
		p := start(t, "service", name, "--dev-keys", "--listen", "127.0.0.1:0", "--data", data, "--config", config)
		address := p.address(t, `on (127\.0\.0\.1:\d+)`)
		args = append(args, "--upstream", name+"="+address)
		if name == "vendor" {
			vendor = address
		}
	}
	return start(t, args...).address(t, `REST on (http://\S+) `), key, vendor, data
}

func TestServicesElsewhereTakeTheGatewaysWord(t *testing.T) {
	t.Parallel()
	base, key, vendor, data := startVouching(t, "{form: token, jwks_url: 'http://ADMIN/.well-known/jwks.json'}")
	ownsWhatItMakes(t, base, key)
	if got := newClient(base, token(t, data, "ada"), "127.0.0.2").do(t, http.MethodGet, "/v1/users/me/vendors", ""); got.status != http.StatusOK || strings.Contains(got.body, "Acme") {
		t.Errorf("a token: %d %s", got.status, got.body)
	}
	refusesStrangers(t, vendor, data)
}

func TestServicesElsewhereTakeNobodysMetadata(t *testing.T) {
	t.Parallel()
	base, key, vendor, data := startVouching(t, "{form: metadata}")
	if got := byKey(t, base, key, http.MethodGet, "/v1/users/me/vendors", ""); got.status != http.StatusUnauthorized {
		t.Errorf("what anybody could have written is believed: %d %s", got.status, got.body)
	}
	refusesStrangers(t, vendor, data)
}

// refusesStrangers holds that a service which is reached directly believes nothing but
// signatures.
func refusesStrangers(t *testing.T, address, data string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	signer, err := identity.NewSigner(identity.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	root := auth.NewPrincipal("root", nil, []string{"system"}).WithScheme(auth.SchemeBearer)
	forge := func(o identity.Options) []string {
		w, err := identity.New(o)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := w.Append(nil, &root, "vendor")
		if err != nil {
			t.Fatal(err)
		}
		return pairs
	}
	call := func(pairs ...string) error {
		_, err := vendorv2.NewVendorServiceClient(conn).ListVendors(metadata.AppendToOutgoingContext(t.Context(), pairs...), &vendorv2.ListVendorsRequest{})
		return err
	}
	for name, pairs := range map[string][]string{
		"metadata": forge(identity.Options{}), "a token of another key": forge(identity.Options{Signer: signer}), "nothing": nil,
	} {
		if err := call(pairs...); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := call("authorization", "Bearer "+token(t, data, "ada")); err != nil {
		t.Errorf("the caller's own token: %v", err)
	}
}
