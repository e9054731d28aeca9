package api

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

type streamsView struct {
	At      time.Time    `json:"at"`
	Streams []streamView `json:"streams"`
}

// streamView is what an RPC's streams do.
type streamView struct {
	Method   string `json:"method"`
	Open     figure `json:"open"`
	Opened   figure `json:"opened"`
	Received figure `json:"received"` // messages of clients
	Sent     figure `json:"sent"`     // messages to clients
}

// streams tells of the RPCs that have had streams, those with most first.
func (o Options) streams() streamsView {
	all := map[string]*streamView{}
	of := func(labels map[string]string) *streamView {
		name := labels["rpc_method"]
		if all[name] == nil {
			all[name] = &streamView{Method: name}
		}
		return all[name]
	}
	for _, s := range o.History.Series("venta_stream_active") {
		of(s.Labels).Open += figure(s.Value)
	}
	for _, s := range o.History.Series("venta_stream_opened_total") {
		of(s.Labels).Opened += figure(s.PerSecond)
	}
	for _, s := range o.History.Series("venta_stream_messages_total") {
		if s.Labels["venta_stream_direction"] == "sent" {
			of(s.Labels).Sent += figure(s.PerSecond)
		} else {
			of(s.Labels).Received += figure(s.PerSecond)
		}
	}
	view := streamsView{At: time.Now().UTC(), Streams: []streamView{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		view.Streams = append(view.Streams, *all[name])
	}
	slices.SortStableFunc(view.Streams, func(a, b streamView) int { return cmp.Compare(b.Open, a.Open) })
	return view
}
