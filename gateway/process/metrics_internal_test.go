package process

import (
	"maps"
	"testing"

	"github.com/venta-hq/venta/gateway/upstream"
)

// TestEjectionsOf counts what breakers of addresses leave out.
func TestEjectionsOf(t *testing.T) {
	get := func(state upstream.State) upstream.EjectionView {
		return upstream.EjectionView{Group: "shop.v1.Orders.Get", State: state}
	}
	shadow := get(upstream.Open)
	shadow.Shadow = true
	view := upstream.View{Addresses: []upstream.AddressView{
		{Ejections: []upstream.EjectionView{get(upstream.Open), {Group: "shop.v1.Orders.List", State: upstream.Open}}},
		{Ejections: []upstream.EjectionView{get(upstream.Open)}},
		{Ejections: []upstream.EjectionView{get(upstream.HalfOpen), get(upstream.Closed), shadow}},
		{},
	}}
	want := map[ejected]int64{
		{"shop.v1.Orders.Get", "open"}: 2, {"shop.v1.Orders.Get", "half_open"}: 1, {"shop.v1.Orders.List", "open"}: 1,
	}
	if got := ejectionsOf(view); !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
