package process

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/api"
	"github.com/venta-hq/venta/gateway/admin/recent"
)

// addAPI remembers what the metrics say from now on, and returns the API that tells it.
func (p *process) addAPI() (http.Handler, error) {
	history, err := recent.New(recent.Options{
		Gatherer: p.telemetry.Gatherer,
		OnError:  func(err error) { p.logs.Debug("a metric could not be read", "error", err) },
	})
	if err != nil {
		return nil, err
	}
	p.history = history
	return api.New(api.Options{
		Process: api.Process{Name: p.program.Name, Version: p.program.version(), Started: time.Now().UTC()},
		Ready:   p.health.Ready,
		History: history,
		Methods: func() []api.Method { return apiMethods(p.gateway.Policies()) },
	})
}

func apiMethods(policies []gateway.EffectivePolicy) []api.Method {
	methods := make([]api.Method, len(policies))
	for i, each := range policies {
		methods[i] = api.Method{Name: each.Method, Routes: each.Routes, Overridden: len(each.Overrides) > 0, Policy: policyJSON{each}}
		if version := each.Policy.Version; version != nil {
			methods[i].Deprecated, methods[i].Sunset = version.Deprecated, version.Sunset
		}
	}
	return methods
}

// policyJSON is a policy that is made JSON when somebody asks for it.
type policyJSON struct{ gateway.EffectivePolicy }

// MarshalJSON implements json.Marshaler.
func (p policyJSON) MarshalJSON() ([]byte, error) {
	view, err := newPolicyView(p.EffectivePolicy)
	if err != nil {
		return nil, err
	}
	return json.Marshal(view)
}
