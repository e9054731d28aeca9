package api

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

type limitsView struct {
	At           time.Time         `json:"at"`
	Limits       []limitView       `json:"limits"`
	Concurrency  []concurrencyView `json:"concurrency"`
	Cache        []cacheView       `json:"cache"`
	CacheEntries figure            `json:"cache_entries"`
	CacheBytes   figure            `json:"cache_bytes"`
}

// limitView is a rate limit, of all RPCs that have the same.
type limitView struct {
	Name     string   `json:"name"`
	Group    Text     `json:"group"` // null: each RPC counts alone
	Methods  []string `json:"methods"`
	Scope    string   `json:"scope"` // "local" or "shared"
	Mode     string   `json:"mode"`
	Requests int64    `json:"requests"`
	Burst    int64    `json:"burst"`
	Interval float64  `json:"interval_seconds"`
	Key      string   `json:"key"`
	Allowed  figure   `json:"allowed"`
	Denied   figure   `json:"denied"`
	Keys     *int64   `json:"keys"` // null: nobody counts them
}

// concurrencyView is a bound of an RPC, or of those of a service that share it.
type concurrencyView struct {
	Method   string `json:"method"` // "package.Service/*" where they share it
	Mode     string `json:"mode"`
	InFlight figure `json:"in_flight"`
	Limit    figure `json:"limit"`
	Queued   figure `json:"queued"`
	Shed     figure `json:"shed"`
	Adaptive bool   `json:"adaptive"`
}

type cacheView struct {
	Method   string  `json:"method"`
	Mode     string  `json:"mode"`
	TTL      float64 `json:"ttl_seconds"`
	Hits     figure  `json:"hits"` // the share of requests that went to no upstream
	Requests figure  `json:"requests"`
}

// limits tells what bounds requests, and how they stand.
func (o Options) limits() limitsView {
	methods := o.Methods()
	return limitsView{
		At: time.Now().UTC(), Limits: o.rateLimits(methods), Concurrency: o.concurrency(methods), Cache: o.cached(methods),
		CacheEntries: o.levels("venta_cache_entries", "").of(""), CacheBytes: o.levels("venta_cache_size_bytes", "").of(""),
	}
}

// levels are the values of a gauge's series, by one of their labels.
func (o Options) levels(metric, label string) levels {
	all := levels{}
	for _, s := range o.History.Series(metric) {
		all[s.Labels[label]] = figure(s.Value)
	}
	return all
}

type levels map[string]figure

// of is null where there is no such series.
func (l levels) of(name string) figure {
	if value, ok := l[name]; ok {
		return value
	}
	return figure(math.NaN())
}

func (o Options) rateLimits(methods []Method) []limitView {
	said := map[[3]string]float64{}
	for _, s := range o.History.Series("venta_rate_limit_decisions_total") {
		said[[3]string{s.Labels["rpc_method"], s.Labels["venta_rate_limit_name"], s.Labels["venta_rate_limit_decision"]}] += s.PerSecond
	}
	views, known := []limitView{}, map[string]int{}
	for _, m := range methods {
		for _, l := range m.Effective.RateLimits {
			same := sameLimit(m, l)
			i, found := known[same]
			if !found {
				i, known[same] = len(views), len(views)
				views = append(views, newLimitView(l))
			}
			views[i].Methods = append(views[i].Methods, m.Name)
			views[i].Allowed += figure(said[[3]string{m.Name, l.Name, "allow"}])
			views[i].Denied += figure(said[[3]string{m.Name, l.Name, "deny"}])
		}
	}
	return views
}

// sameLimit is equal for limits that are shown as one: those with the same settings,
// and in one group where they are in any.
func sameLimit(m Method, l policy.RateLimit) string {
	id := ""
	if l.GroupScope == policy.GroupPerService {
		id = l.GroupID(m.service(), "")
	}
	return fmt.Sprintf("%s %+v", id, l)
}

func newLimitView(l policy.RateLimit) limitView {
	scope := "local"
	if l.Shared {
		scope = "shared"
	}
	return limitView{
		Name: l.Name, Group: Text(l.Group), Methods: []string{}, Scope: scope, Mode: modeOf(l.Shadow),
		Requests: l.Requests, Burst: l.Burst, Interval: l.Interval.Seconds(), Key: keyOf(l.Key),
	}
}

// keyOf names what a limit counts requests under, as annotations do.
func keyOf(k policy.RateLimitKey) string {
	switch k.Source {
	case policy.KeyClientIP:
		return "client_ip"
	case policy.KeyPrincipal:
		return "principal"
	case policy.KeyAPIKey:
		return "api_key"
	case policy.KeyHeader:
		return "header " + k.Header
	case policy.KeyField:
		return "field " + k.Field
	default:
		return "global"
	}
}

func (o Options) concurrency(methods []Method) []concurrencyView {
	const label = "venta_concurrency_name"
	inFlight, limit := o.levels("venta_concurrency_in_flight", label), o.levels("venta_concurrency_limit", label)
	queued, shed := o.levels("venta_concurrency_queued", label), map[string]float64{}
	for _, s := range o.History.Series("venta_concurrency_shed_total") {
		shed[s.Labels["rpc_method"]] += s.PerSecond
	}
	views, known := []concurrencyView{}, map[string]int{}
	for _, m := range methods {
		c := m.Effective.Concurrency
		if c == nil {
			continue
		}
		shown, name := m.Name, strings.Replace(m.Name, "/", ".", 1)
		if c.PerService {
			shown, name = m.service()+"/*", m.service()
		}
		i, found := known[shown]
		if !found {
			i, known[shown] = len(views), len(views)
			views = append(views, concurrencyView{
				Method: shown, Mode: modeOf(c.Shadow), Adaptive: c.Adaptive,
				InFlight: inFlight.of(name), Limit: limit.of(name), Queued: queued.of(name),
			})
		}
		views[i].Shed += figure(shed[m.Name])
	}
	return views
}

func (o Options) cached(methods []Method) []cacheView {
	all, passed := map[string]float64{}, map[string]float64{}
	for _, s := range o.History.Series("venta_cache_requests_total") {
		method := s.Labels["rpc_method"]
		all[method] += s.PerSecond
		if !slices.Contains(served, s.Labels["venta_cache_outcome"]) {
			passed[method] += s.PerSecond
		}
	}
	views := []cacheView{}
	for _, m := range methods {
		c := m.Effective.Cache
		if c == nil {
			continue
		}
		requests := all[m.Name]
		views = append(views, cacheView{
			Method: m.Name, Mode: modeOf(c.Shadow), TTL: c.TTL.Seconds(),
			Hits: figure((requests - passed[m.Name]) / requests), Requests: figure(requests),
		})
	}
	return views
}

// service is the RPC's, such as "shop.v1.OrderService".
func (m Method) service() string {
	service, _, _ := strings.Cut(m.Name, "/")
	return service
}
