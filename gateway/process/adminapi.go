package process

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/api"
	"github.com/venta-hq/venta/gateway/admin/objectives"
	"github.com/venta-hq/venta/gateway/admin/recent"
)

// addAPI remembers what the metrics say from now on, and returns the API that tells it.
func (p *process) addAPI() (http.Handler, error) {
	budgets := objectives.NewTracker((&promises{gateway: p.gateway}).inForce)
	history, err := recent.New(recent.Options{
		Gatherer: p.telemetry.Gatherer,
		OnSample: budgets.Read,
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
		Refused: p.refused, Objectives: budgets, Callers: p.callers,
	})
}

// refused tells what was refused lately.
func (p *process) refused(most int, selected func(method string) bool) ([]api.Refusal, int64) {
	last, leftOut := p.refusals.Last(most, selected)
	told := make([]api.Refusal, len(last))
	for i, r := range last {
		mode := "enforce"
		if r.Would != "" {
			mode = "shadow"
		}
		told[i] = api.Refusal{
			At: r.At.UTC(), Method: api.Text(r.Method), Route: api.Text(r.Route), Status: r.Status,
			Policy: api.Text(r.Policy), Reason: api.Text(r.Reason), Limit: api.Text(r.Limit), Mode: mode, Would: api.Text(r.Would),
			RequestID: r.RequestID, TraceID: api.Text(r.TraceID), UserHash: api.Text(r.UserHash), User: api.Text(r.User),
		}
	}
	return told, leftOut
}

// callers tells who calls what is deprecated.
func (p *process) callers() (callers []api.Caller, since time.Time, other int64) {
	seen := p.gateway.Callers().Seen()
	for _, one := range seen.Calls {
		callers = append(callers, api.Caller{
			Method: one.Method, Kind: string(one.Kind), Caller: api.Text(one.Name), UserAgent: api.Text(one.UserAgent),
			Requests: one.Requests, First: one.First.UTC(), Last: one.Last.UTC(),
		})
	}
	return callers, seen.Since, seen.Other
}

func apiMethods(policies []gateway.EffectivePolicy) []api.Method {
	methods := make([]api.Method, len(policies))
	for i, each := range policies {
		methods[i] = api.Method{Name: each.Method, Routes: each.Routes, Overridden: len(each.Overrides) > 0, Effective: each.Policy, Policy: policyJSON{each}}
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
