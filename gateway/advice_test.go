package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

const deleteVendor = "venta.vendor.v2.VendorService/DeleteVendor"

// purges overrides what the deletion purges.
func purges(tags ...string) gateway.Override {
	return gateway.Override{Methods: deleteVendor, Policy: &policyv1.Policy{Invalidates: &policyv1.Invalidates{Tags: tags}}}
}

// TestAdviceIsLoggedOnce holds that what an override adds is pointed out, and what
// stays is not pointed out again.
func TestAdviceIsLoggedOnce(t *testing.T) {
	s := start(t, &backend{}, policy.Method{Cache: &policy.Cache{TTL: time.Minute, Tags: []string{"vendor:{id}"}}}, gateway.Options{})
	expect := func(step string, want int) {
		t.Helper()
		if got := strings.Count(s.log.String(), "so nothing is purged by it"); got != want {
			t.Errorf("%s: %d lines, want %d\n%s", step, got, want, s.log)
		}
	}
	expect("what is annotated", 0)
	override := func(overrides ...gateway.Override) {
		t.Helper()
		if err := s.Gateway.Override(overrides); err != nil {
			t.Fatal(err)
		}
	}
	override(purges("vendor:{id}", "vendors"))
	expect("a tag that no cache has", 1)
	override(purges("vendor:{id}", "vendors"), twoAnHour(getVendor))
	expect("the same again", 1)
	override(purges("vendor:{id}", "shops", "vendors"))
	expect("another one", 2)
	override()
	expect("none", 2)
	off := gateway.Override{Methods: getVendor, Policy: &policyv1.Policy{Cache: &policyv1.Cache{Disabled: new(true)}}}
	override(off)
	expect("a cache that is put aside", 2)
}

// TestAdviceOnLevel2 holds that nothing is said of tags where other gateways may have
// the caches.
func TestAdviceOnLevel2(t *testing.T) {
	for shared, want := range map[bool]int{false: 1, true: 0} {
		options := gateway.Options{}
		if shared {
			options.CacheRemote = attached{}
		}
		gw, err := gateway.New(options)
		if err != nil {
			t.Fatal(err)
		}
		s := service(policy.Method{})
		s.Methods[1].Policy.Invalidates = &policy.Invalidates{Tags: []string{"shops"}}
		if err := gw.Register(s, dialBackends(t, map[string]*backend{"a": {}})); err != nil {
			t.Fatal(err)
		}
		if got := gw.Advice(); len(got) != want {
			t.Errorf("shared %t: %v", shared, got)
		}
	}
}

// attached is a level 2 that nobody asks.
type attached struct{ cache.Remote }

func (attached) Attach(cache.Level) error { return nil }
