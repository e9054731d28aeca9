package attack

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

// target is a gateway of its own before an upstream of its own.
type target struct {
	*stage.Stage

	gateway  *stage.Gateway
	upstream *upstream
	client   *http.Client
}

// plain is the configuration of a gateway that trusts nobody: no limits, which
// would end an attack before it has begun.
const plain = `
upstreams:
  vendor: {target: "%s"}
logging: {level: LEVEL_ERROR}
overrides:
  - {methods: "venta.vendor.v2.VendorService/*", policy: {rate_limits: [{disabled: true}]}}
`

func newTarget(ctx context.Context, site *stage.Site, config string) (t *target, err error) {
	if config == "" {
		config = plain
	}
	t = &target{client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate is of this run
	}}}
	if t.Stage, err = site.Stage(); err != nil {
		return nil, err
	}
	if t.upstream, err = startUpstream(); err == nil {
		t.gateway, err = t.serve(ctx, config)
	}
	if err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// serve starts the gateway: with TLS where the configuration names files.
func (t *target) serve(ctx context.Context, config string) (*stage.Gateway, error) {
	text := fmt.Sprintf(config, t.upstream.address)
	if strings.Contains(text, certFile) {
		cert, key, err := t.Certificate()
		if err != nil {
			return nil, err
		}
		text = strings.NewReplacer(certFile, cert, keyFile, key).Replace(text)
	}
	return t.Serve(ctx, text)
}

// What stands for the files of a certificate in a configuration.
const (
	certFile = "CERT_FILE"
	keyFile  = "KEY_FILE"
)

func (t *target) end() {
	t.client.CloseIdleConnections()
	t.Close()
	if t.upstream != nil {
		t.upstream.close()
	}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// said returns the status and the reason of an error, such as "503
// CIRCUIT_OPEN".
func (a answer) said() string {
	var e struct {
		Details []struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	if json.Unmarshal([]byte(a.body), &e) == nil {
		for _, d := range e.Details {
			if d.Reason != "" {
				return fmt.Sprintf("%d %s", a.status, d.Reason)
			}
		}
	}
	return strconv.Itoa(a.status)
}

// send sends a request with a valid token and header fields, each "Name: value".
func (t *target) send(ctx context.Context, method, path, body string, fields ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, t.gateway.Base()+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header = t.Header()
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
	}
	response, err := t.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

func (t *target) get(ctx context.Context, path string, fields ...string) (answer, error) {
	return t.send(ctx, http.MethodGet, path, "", fields...)
}

// metadata returns what the upstream got with the call of an answer.
func (a answer) metadata() string {
	var vendor struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal([]byte(a.body), &vendor) // an error's body has none
	return vendor.Description
}
