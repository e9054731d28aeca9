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
	trust    *tls.Config
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
	t = &target{client: &http.Client{}}
	if t.Stage, err = site.Stage(); err != nil {
		return nil, err
	}
	if t.upstream, err = startUpstream(); err == nil {
		err = t.serve(ctx, config)
	}
	if err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// tlsBlock stands for the block tls of a listener in a configuration.
const tlsBlock = "TLS_BLOCK"

// serve starts the gateway, and a client that trusts it.
func (t *target) serve(ctx context.Context, config string) error {
	block, trust, err := t.TLS()
	if err != nil {
		return err
	}
	t.trust = trust
	t.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: trust}
	config = strings.ReplaceAll(fmt.Sprintf(config, t.upstream.address), tlsBlock, block)
	t.gateway, err = t.Serve(ctx, config)
	return err
}

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

// metadata returns what the upstream got with the call of a response.
func (a answer) metadata() string {
	var vendor struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal([]byte(a.body), &vendor) // an error's body has none
	return vendor.Description
}
