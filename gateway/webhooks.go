package gateway

import (
	"fmt"
	"net/http"

	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
	"github.com/venta-hq/venta/gateway/webhook"
)

// deliveries are the RPCs that have one webhook's path together. The first verifies
// what comes, and each serves what it takes. It is not changed once the gateway serves.
type deliveries struct {
	all     []*route
	byEvent map[string]*route
}

// addDelivery adds a webhook's route, or joins it to those that have its path.
func (g *Gateway) addDelivery(rt *route) error {
	t, key := rt.served.Load().Transcode, assembly.DeliveryPath(rt.method.Bindings[0])
	known := g.deliveries[key]
	if known == nil {
		known = &deliveries{byEvent: map[string]*route{}}
		if err := g.router.Add(t.Verb(), t.Template(), rt); err != nil {
			return err
		}
		g.deliveries[key] = known
	}
	for _, other := range known.all {
		if why := rt.method.policy.ApartFrom(other.method.policy); why != "" {
			return fmt.Errorf("webhook: %s is a path of %s.%s, too, and %s", key, other.method.service.Name, other.method.Name, why)
		}
	}
	known.all = append(known.all, rt)
	known.byEvent[rt.method.policy.Webhook.Event] = rt
	return nil
}

// deliverElsewhere serves a delivery by the RPC of the path that takes its event.
func (g *Gateway) deliverElsewhere(path string, w http.ResponseWriter, r *http.Request, event string) bool {
	rt := g.deliveries[path].byEvent[event]
	if rt == nil {
		return false
	}
	telemetry.FromContext(r.Context()).SetRoute(rt.telemetry)
	served := rt.served.Load()
	g.environment.Telemetry.Metrics.Webhook(served.Transcode.FullMethod(), string(webhook.Accepted))
	served.Verified.ServeHTTP(w, transcode.WithExchange(r, &transcode.Exchange{Route: served.Transcode}))
	return true
}
