package process

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/upstream"
)

// The pages of the admin address that are the process's own.

// upstreamView is what operators see of a service's connections.
type upstreamView struct {
	Target    string        `json:"target"`
	State     string        `json:"state"`
	InFlight  int64         `json:"in_flight"`
	Addresses []addressView `json:"addresses"`
}

type addressView struct {
	Address     string         `json:"address"`
	State       string         `json:"state"`
	Connections map[string]int `json:"connections"`
	InFlight    int64          `json:"in_flight"`
	Share       float64        `json:"share"`
	Ejected     []ejectionView `json:"ejected,omitempty"`
}

type ejectionView struct {
	Method string  `json:"method"`
	State  string  `json:"state"`
	Share  float64 `json:"share"`
	Shadow bool    `json:"shadow,omitempty"`
}

func viewOf(conn *upstream.Conn) upstreamView {
	v := conn.View()
	view := upstreamView{Target: v.Target, State: v.State.String(), InFlight: v.InFlight, Addresses: []addressView{}}
	for _, a := range v.Addresses {
		address := addressView{
			Address: a.Address, State: a.State.String(), Connections: map[string]int{}, InFlight: a.InFlight, Share: a.Share,
		}
		for state, n := range a.Connections {
			address.Connections[state.String()] = n
		}
		for _, e := range a.Ejections {
			address.Ejected = append(address.Ejected, ejectionView{e.Group, e.State.String(), e.Share, e.Shadow})
		}
		view.Addresses = append(view.Addresses, address)
	}
	return view
}

// upstreamsHandler tells operators how the addresses of each service are.
func upstreamsHandler(conns connections, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		views := make(map[string]upstreamView, len(conns))
		for name, conn := range conns {
			views[name] = viewOf(conn)
		}
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(views); err != nil {
			log.Debug("an operator left before the upstreams were written", "error", err)
		}
	})
}

// policiesHandler tells operators what holds now, as policy explain --json does.
func policiesHandler(gw *gateway.Gateway, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := writePoliciesJSON(w, gw.Policies()); err != nil {
			log.Debug("an operator left before the policies were written", "error", err)
		}
	})
}
