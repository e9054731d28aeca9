package apiversion_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/apiversion"
)

const (
	getV1  = "shop.v1.OrderService/Get"
	listV1 = "shop.v1.OrderService/List"
)

func TestCallerOf(t *testing.T) {
	tests := []struct {
		principal, userAgent string
		want                 apiversion.Caller
	}{
		{"ada", "shop-app/3.2 (iOS; 18)", apiversion.Caller{Kind: apiversion.Principal, Name: "ada", UserAgent: "shop-app/3.2"}},
		{"", "shop-app/3.2 (iOS; 18)", apiversion.Caller{Kind: apiversion.UserAgent, Name: "shop-app/3.2"}},
		{"", "curl/8.5.0", apiversion.Caller{Kind: apiversion.UserAgent, Name: "curl/8.5.0"}},
		{"", "okhttp", apiversion.Caller{Kind: apiversion.UserAgent, Name: "okhttp"}},
		{"", "a\x1b[31m", apiversion.Caller{Kind: apiversion.Unknown}},
		{"", "(none)", apiversion.Caller{Kind: apiversion.Unknown}},
		{"", "größe/1", apiversion.Caller{Kind: apiversion.Unknown}},
		{"", "", apiversion.Caller{Kind: apiversion.Unknown}},
		{"", strings.Repeat("x", 1000), apiversion.Caller{Kind: apiversion.UserAgent, Name: strings.Repeat("x", 64)}},
	}
	for _, test := range tests {
		if got := apiversion.CallerOf(test.principal, test.userAgent); got != test.want {
			t.Errorf("%q %q: %+v", test.principal, test.userAgent, got)
		}
	}
}

func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := apiversion.NewCallers(), time.Now()
		for i := range 3 {
			c.Count(getV1, apiversion.CallerOf("ada", "app/"+strconv.Itoa(i)))
			time.Sleep(time.Minute) // virtual
		}
		c.Count(getV1, apiversion.CallerOf("", "app/1"))
		c.Count(listV1, apiversion.CallerOf("ada", "app/1"))
		seen := c.Seen()
		if !seen.Since.Equal(began) || seen.Other != 0 || len(seen.Calls) != 3 {
			t.Fatalf("%+v", seen)
		}
		want := apiversion.Calls{
			Caller: apiversion.Caller{Kind: apiversion.Principal, Name: "ada", UserAgent: "app/2"}, Method: getV1,
			Requests: 3, First: began, Last: began.Add(2 * time.Minute),
		}
		if seen.Calls[0] != want {
			t.Errorf("%+v, not %+v", seen.Calls[0], want)
		}
	})
}

// TestAMillionUserAgents grow nothing, displace neither who is authenticated nor who
// calls often, and hide no other RPC's callers.
func TestAMillionUserAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apiversion.NewCallers()
		for i := range 40 {
			c.Count(getV1, apiversion.CallerOf("p"+strconv.Itoa(i), ""))
		}
		for range 3 {
			c.Count(getV1, apiversion.CallerOf("", "regular/1"))
		}
		c.Count(listV1, apiversion.CallerOf("", "rare/1"))
		const flood = 1_000_000
		for i := range flood {
			if i%1000 == 0 {
				time.Sleep(time.Millisecond) // virtual
			}
			c.Count(getV1, apiversion.CallerOf("", "flood/"+strconv.Itoa(i)))
		}
		seen, sum, kept := c.Seen(), int64(0), map[string]int{}
		for _, one := range seen.Calls {
			sum += one.Requests
			kept[strings.TrimRight(string(one.Kind)+" "+one.Name, "0123456789")]++
		}
		if len(seen.Calls) != apiversion.MostCallers || sum+seen.Other != flood+44 {
			t.Errorf("%d callers, %d requests and %d others", len(seen.Calls), sum, seen.Other)
		}
		if kept["principal p"] != 40 || kept["user_agent regular/"] != 1 || kept["user_agent rare/"] != 1 {
			t.Errorf("%v", kept)
		}
		time.Sleep(time.Second)
		c.Count(listV1, apiversion.CallerOf("", "late/1")) // though all places are taken
		if found := fmt.Sprint(c.Seen().Calls); !strings.Contains(found, "late/1") {
			t.Errorf("a new caller found no place: %v", found)
		}
	})
}

// TestPrincipalsDisplace those who are not authenticated.
func TestPrincipalsDisplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apiversion.NewCallers()
		for i := range 200 {
			c.Count(getV1, apiversion.CallerOf("", "a/"+strconv.Itoa(i)))
			time.Sleep(time.Second)
		}
		for i := range 200 {
			c.Count(getV1, apiversion.CallerOf("p"+strconv.Itoa(i), ""))
			time.Sleep(time.Second)
		}
		for _, one := range c.Seen().Calls {
			if one.Kind != apiversion.Principal {
				t.Errorf("%+v", one)
			}
		}
	})
}

// TestCountingAllocatesNothing for a caller that is known, or finds no place.
func TestCountingAllocatesNothing(t *testing.T) {
	c := apiversion.NewCallers()
	for i := range 2 * apiversion.MostCallers {
		c.Count(getV1, apiversion.CallerOf("p"+strconv.Itoa(i), ""))
	}
	known, unknown := apiversion.CallerOf("p3", "app/1"), apiversion.CallerOf("", "flood/1")
	c.Count(getV1, known)
	if n := testing.AllocsPerRun(1000, func() { c.Count(getV1, known); c.Count(getV1, unknown) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
