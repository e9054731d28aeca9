package policy

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

const (
	// MaxRateLimits is the most limits that an RPC has.
	MaxRateLimits = 8
	// MaxTiers is the most tiers of a limit.
	MaxTiers = 16
	// MaxRequests is the most requests of a limit, at once or in an interval.
	MaxRequests = 1_000_000_000
)

// rateLimits makes the list of limits one block.
type rateLimits []RateLimit

func (l rateLimits) limits() faults {
	var found faults
	if len(l) > MaxRateLimits {
		found.add("rate_limits", fmt.Sprintf("%d limits are too many", len(l)), fmt.Sprintf("write at most %d", MaxRateLimits))
	}
	names := make(map[string]bool, len(l))
	groups := make(map[string]bool, len(l))
	for i := range l {
		path := entry("rate_limits", i)
		found = append(found, l[i].limits(path)...)
		if id := l[i].GroupID("", ""); id != "" {
			if groups[id] {
				found.add(path+".group", fmt.Sprintf("a second limit of the RPC is in the group %q", l[i].Group), "remove one of them: they would have one count")
			}
			groups[id] = true
		}
		if names[l[i].Name] {
			found.add(path+".name", fmt.Sprintf("a second limit is named %q", l[i].Name), "give each limit of the RPC a name of its own")
		}
		names[l[i].Name] = true
	}
	return found
}

func (l rateLimits) rules(rpc RPC, m Method) faults {
	var found faults
	for i := range l {
		found = append(found, l[i].rules(entry("rate_limits", i), rpc, m)...)
		if l[i].Key.Source == KeyHeader && !l.bounded(l[i].Shadow) {
			found.add(entry("rate_limits", i)+".key.header",
				fmt.Sprintf("clients choose %s freely, so that whoever changes it is not limited", l[i].Key.Header),
				`add a limit with a key that they cannot choose, such as "client_ip: true"`)
		}
	}
	return found
}

// bounded tells whether some limit has a key that clients cannot choose, which beside
// one that is tried out may be tried out, too.
func (l rateLimits) bounded(shadow bool) bool {
	return slices.ContainsFunc(l, func(each RateLimit) bool {
		return (shadow || !each.Shadow) && each.Key.Source != KeyHeader && each.Key.Source != KeyField
	})
}

// verified refuses headers whose meaning has a key of its own, which looks at more
// than what the client wrote.
func (f *faults) verified(path, header string) {
	switch strings.ToLower(header) {
	case "x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-forwarded", "forwarded-for":
		f.add(path, header+" is whatever a client writes",
			`write "client_ip: true", which believes trusted_proxies of the configuration alone`)
	case "authorization", "proxy-authorization", "cookie", "x-api-key":
		f.add(path, header+" is whatever a client writes until it is verified",
			`write "principal: true" or "api_key: true"`)
	}
}

// ByConnection tells whether the limit is decided before authentication, so that
// guessing credentials is limited, too. All others need the principal or the message.
func (l *RateLimit) ByConnection() bool {
	switch l.Key.Source {
	case KeyPrincipal, KeyAPIKey, KeyField:
		return false
	default:
		return l.Cost.Field == "" && len(l.Tiers) == 0
	}
}

func (l *RateLimit) limits(path string) faults {
	var found faults
	if !isLimitName(l.Name) {
		found.add(path+".name", fmt.Sprintf("%q is not a limit's name", l.Name), "write 1 to 64 characters of a-z, 0-9, '-' and '_'")
	}
	found.number(path+".requests", l.Requests, 1, MaxRequests)
	found.duration(path+".interval", l.Interval, time.Second, 24*time.Hour)
	found.number(path+".burst", l.Burst, 1, MaxRequests)
	if l.Key.Source == KeyHeader {
		found.header(path+".key.header", l.Key.Header)
		found.verified(path+".key.header", l.Key.Header)
	}
	found = append(found, l.costLimits(path+".cost")...)
	found = append(found, l.tierLimits(path)...)
	found = append(found, l.sharedLimits(path)...)
	found = append(found, l.groupLimits(path)...)
	return found
}

func (l *RateLimit) groupLimits(path string) faults {
	var found faults
	switch {
	case l.Group != "" && !isLimitName(l.Group):
		found.add(path+".group", fmt.Sprintf("%q is not a group's name", l.Group), "write 1 to 64 characters of a-z, 0-9, '-' and '_'")
	case l.Group == "" && l.GroupScope != GroupPerService:
		found.add(path+".group_scope", "the limit is in no group", "name one in group, or remove it")
	case l.GroupScope < GroupPerService || l.GroupScope > GroupPerGateway:
		found.add(path+".group_scope", fmt.Sprintf("%d is no such choice", l.GroupScope),
			"write GROUP_SCOPE_SERVICE, GROUP_SCOPE_FILE or GROUP_SCOPE_GATEWAY")
	}
	return found
}

// GroupID names the group that shares the limit's count, for an RPC of that service
// and schema's file; "" where it is in none.
func (l *RateLimit) GroupID(service, file string) string {
	switch {
	case l.Group == "":
		return ""
	case l.GroupScope == GroupPerGateway:
		return "gateway/" + l.Group
	case l.GroupScope == GroupPerFile:
		return "file:" + file + "/" + l.Group
	default:
		return "service:" + service + "/" + l.Group
	}
}

func (l *RateLimit) tierLimits(path string) faults {
	var found faults
	if len(l.Tiers) > MaxTiers {
		found.add(path+".tiers", fmt.Sprintf("%d tiers are too many", len(l.Tiers)), fmt.Sprintf("write at most %d", MaxTiers))
	}
	seen := map[[2]string]bool{}
	for i, t := range l.Tiers {
		at := entry(path+".tiers", i)
		if t.Claim == "" {
			found.add(at+".claim", "it names no claim", `write a claim such as "plan"`)
		}
		if t.Value == "" {
			found.add(at+".value", "it is empty", `write a value such as "gold"`)
		}
		if seen[[2]string{t.Claim, t.Value}] {
			found.add(at, fmt.Sprintf("an earlier tier has the claim %q of %q too, so this one never applies", t.Claim, t.Value), "remove one of them")
		}
		seen[[2]string{t.Claim, t.Value}] = true
		found.number(at+".requests", t.Requests, 1, MaxRequests)
		found.number(at+".burst", t.Burst, 1, MaxRequests)
		if l.Cost.Field == "" && l.Cost.Units > t.Burst && t.Burst > 0 {
			found.add(at+".burst", fmt.Sprintf("a request costs %d units, so none would ever pass", l.Cost.Units), "raise burst or lower the cost")
		}
	}
	return found
}

func (l *RateLimit) sharedLimits(path string) faults {
	var found faults
	switch {
	case l.Shared && l.OnStoreFailure == FailureUnset:
		found.add(path+".on_store_failure", "nothing says what happens while the shared store is out of reach",
			"write ON_STORE_FAILURE_ALLOW, ON_STORE_FAILURE_DENY or ON_STORE_FAILURE_LOCAL")
	case l.OnStoreFailure < FailureUnset || l.OnStoreFailure > FailureLocal:
		found.add(path+".on_store_failure", fmt.Sprintf("%d is no such choice", l.OnStoreFailure),
			"write ON_STORE_FAILURE_ALLOW, ON_STORE_FAILURE_DENY or ON_STORE_FAILURE_LOCAL")
	case !l.Shared && l.OnStoreFailure != FailureUnset:
		found.add(path+".on_store_failure", "a local count needs no store", "remove it, or write SCOPE_SHARED")
	}
	switch {
	case l.Lease == 0:
	case !l.Shared:
		found.add(path+".lease", "a local count takes no leases", "remove it, or write SCOPE_SHARED")
	case l.Cost.Field != "":
		found.add(path+".lease", "a lease is of equal requests, and the cost is a field's value", "remove it, or write cost.units")
	case l.smallestBurst() < 1: // refused for that
	default:
		found.number(path+".lease", l.Lease, 1, l.smallestBurst())
	}
	if l.Shared {
		found.horizon(path+".burst", l.Requests, l.Burst, l.Interval)
		for i, t := range l.Tiers {
			found.horizon(entry(path+".tiers", i)+".burst", t.Requests, t.Burst, l.Interval)
		}
	}
	return found
}

const (
	// longestHorizon is 71 years, for which a shared store's arithmetic holds.
	longestHorizon = 1 << 51 // microseconds
	// longestShared is how long the name of an RPC with shared counts may be.
	longestShared = 256
)

// horizon checks that a burst is earned within the time that a store counts exactly.
func (f *faults) horizon(path string, requests, burst int64, interval time.Duration) {
	if requests < 1 || burst < 1 || interval < 1 {
		return // refused for that
	}
	high, low := bits.Mul64(uint64(burst), uint64(interval))
	perMicrosecond := uint64(requests) * uint64(time.Microsecond)
	if high < perMicrosecond {
		if micros, _ := bits.Div64(high, low, perMicrosecond); micros <= longestHorizon {
			return
		}
	}
	f.add(path, fmt.Sprintf("a burst of %d takes over 71 years to earn, which no store counts exactly", burst),
		"lower burst, raise requests, or write SCOPE_LOCAL")
}

// smallestBurst is the least of the limit's own and its tiers'.
func (l *RateLimit) smallestBurst() int64 {
	least := l.Burst
	for _, t := range l.Tiers {
		least = min(least, t.Burst)
	}
	return least
}

func (l *RateLimit) costLimits(path string) faults {
	var found faults
	switch {
	case l.Cost.Field != "":
	case l.Cost.Units < 1:
		found.add(path+".units", fmt.Sprintf("%d is out of limits", l.Cost.Units), "write a number from 1 to the limit's burst")
	case l.Cost.Units > l.Burst && l.Burst > 0:
		found.add(path+".units", fmt.Sprintf("%d is more than the burst of %d, so no request would ever pass", l.Cost.Units, l.Burst),
			"lower units or raise burst")
	}
	return found
}

func (l *RateLimit) rules(path string, rpc RPC, m Method) faults {
	var found faults
	if rpc.ClientStreaming && (l.Key.Source == KeyField || l.Cost.Field != "") {
		found.add(path, "a client's stream has many requests, so none of their fields is the request's",
			`use another key such as "client_ip: true", and a constant cost`)
		return found
	}
	if l.Shared && len(rpc.Name) > longestShared {
		found.add(path+".scope", fmt.Sprintf("the RPC's name has %d characters, too many for the name of a shared count", len(rpc.Name)),
			fmt.Sprintf("shorten it to at most %d, or write SCOPE_LOCAL", longestShared))
	}
	switch {
	case l.Key.Source == KeyField:
		found.field(path+".key.field", rpc.Input, l.Key.Field)
	case l.Key.Source == KeyPrincipal && !m.authenticates():
		found.add(path+".key.principal", "the RPC knows no principal",
			`add "auth: {requirement: REQUIREMENT_REQUIRED}", or use another key such as "client_ip: true"`)
	case l.Key.Source == KeyAPIKey && !(m.authenticates() && m.Auth.Accepts(SchemeAPIKey)):
		found.add(path+".key.api_key", "the RPC takes no API keys",
			`add SCHEME_API_KEY to auth.schemes, or use another key such as "principal: true"`)
	}
	if len(l.Tiers) > 0 && !m.authenticates() {
		found.add(path+".tiers", "the RPC knows no principal, so nobody has a claim",
			`add "auth: {requirement: REQUIREMENT_REQUIRED}", or remove the tiers`)
	}
	if l.Cost.Field != "" {
		field, ok := found.field(path+".cost.field", rpc.Input, l.Cost.Field)
		if ok && !field.IsInteger() {
			found.add(path+".cost.field", fmt.Sprintf("%q is not an integer", l.Cost.Field), "name an integer field, or write units")
		}
	}
	return found
}

func isLimitName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	return name != "" && len(name) <= 64 && strings.Trim(name, allowed) == ""
}
