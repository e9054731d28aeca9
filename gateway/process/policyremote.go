package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy/annotation"
	"github.com/venta-hq/venta/gateway/transcode/httprule"
	"github.com/venta-hq/venta/gateway/transcode/router"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const (
	mostPolicies = 64 << 20 // bytes
	askTime      = 10 * time.Second
)

// running returns what holds in a gateway that runs, from its admin address.
func running(ctx context.Context, admin, tokenFile string) (catalog, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text, err := ask(ctx, strings.TrimSuffix(admin, "/")+"/policies", tokenFile)
	if err != nil {
		return catalog{}, fmt.Errorf("--admin: %w", err)
	}
	var views []policyView
	if err := json.Unmarshal(text, &views); err != nil {
		return catalog{}, fmt.Errorf("--admin: %s shows no policies: %w", admin, err)
	}
	policies := make([]gateway.EffectivePolicy, len(views))
	for i, view := range views {
		if policies[i], err = view.policy(); err != nil {
			return catalog{}, fmt.Errorf("--admin: %s: %w; its version may be another one", view.Method, err)
		}
	}
	found, err := routed(policies)
	return catalog{policies, found}, err
}

// ask returns what an admin address responds with.
func ask(ctx context.Context, address, tokenFile string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, mostPolicies))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusUnauthorized:
		return nil, errors.New("it asks for a token with the role read; name its file with --token-file")
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %.200s", response.Status, text)
	}
	return text, nil
}

// routed finds RPCs by a request, as the gateway does.
func routed(policies []gateway.EffectivePolicy) (func(verb, path string) (gateway.EffectivePolicy, bool), error) {
	routes := &router.Router[int]{}
	for i, p := range policies {
		for _, text := range p.Routes {
			verb, path, _ := strings.Cut(text, " ")
			template, err := httprule.Parse(path)
			if err == nil {
				err = routes.Add(verb, template, i)
			}
			if err != nil {
				return nil, fmt.Errorf("--admin: route %s: %w", text, err)
			}
		}
	}
	return func(verb, path string) (gateway.EffectivePolicy, bool) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return gateway.EffectivePolicy{}, false
		}
		match, _, ok := routes.Lookup(verb, u)
		if !ok {
			return gateway.EffectivePolicy{}, false
		}
		return policies[match.Value], true
	}, nil
}

// policy is the view's inverse.
func (v policyView) policy() (gateway.EffectivePolicy, error) {
	effective, written := &policyv1.Policy{}, &policyv1.Policy{}
	if err := errors.Join(protojson.Unmarshal(v.Policy, effective), protojson.Unmarshal(v.Written, written)); err != nil {
		return gateway.EffectivePolicy{}, err
	}
	decoded, faults := annotation.Decode(effective)
	if len(faults) > 0 {
		return gateway.EffectivePolicy{}, errors.New(faults[0].String())
	}
	p := gateway.EffectivePolicy{Method: v.Method, Routes: v.Routes, Policy: decoded, Written: written, Origins: v.Origins}
	for _, o := range v.Overrides {
		p.Overrides = append(p.Overrides, gateway.Override{
			Source: o.Source, ID: o.ID, Methods: o.Methods, Reason: o.Reason, Expires: o.Expires, Operator: o.Operator, Added: o.Added,
		})
	}
	for _, permit := range v.Permits {
		p.Permits = append(p.Permits, permit.permit())
	}
	return p, nil
}

func (v permitView) permit() *policyv1.Permit {
	made := &policyv1.Permit{Field: &v.Field}
	if v.Fixed {
		made.Fixed = &v.Fixed
	}
	if v.Min != "" {
		made.Min = &v.Min
	}
	if v.Max != "" {
		made.Max = &v.Max
	}
	return made
}
