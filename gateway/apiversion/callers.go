package apiversion

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// MostCallers is how many callers are told apart, of all RPCs together.
	MostCallers = 100
	// displacedPerSecond is how many new callers a second may look for another one's place,
	// of those who are authenticated and of the others: somebody who makes them up gets
	// nothing done, and costs nothing much.
	displacedPerSecond = 10
)

// CallerKind is how a caller is known.
type CallerKind string

const (
	// Principal is whoever was authenticated: nobody makes one up.
	Principal CallerKind = "principal"
	// UserAgent is the program that the client says it is.
	UserAgent CallerKind = "user_agent"
	// Unknown is a client that does not say.
	Unknown CallerKind = "unknown"
)

// Caller is who calls an RPC.
type Caller struct {
	Kind CallerKind
	// Name is the principal, in the form that logs have, or the program; "" of an
	// unknown one.
	Name string
	// UserAgent is the program of a principal: the one that it was last.
	UserAgent string
}

// CallerOf returns a caller by its principal, or by its User-Agent where there is none.
func CallerOf(principal, userAgent string) Caller {
	product := Product(userAgent)
	switch {
	case principal != "":
		return Caller{Principal, principal, product}
	case product != "":
		return Caller{Kind: UserAgent, Name: product}
	default:
		return Caller{Kind: Unknown}
	}
}

// Calls are those of one caller to one RPC.
type Calls struct {
	Caller
	Method      string
	Requests    int64
	First, Last time.Time
}

// Callers counts who calls RPCs that are deprecated. It is bounded, whatever clients
// say they are, and safe for concurrent use.
type Callers struct {
	since time.Time

	mu      sync.Mutex
	known   map[calls]*Calls
	methods map[string]int // how many callers each RPC has
	other   int64
	second  int64        // of the last caller that looked for a place
	looked  map[bool]int // how many have in it, by whether they are authenticated
}

// calls is what requests are counted by.
type calls struct {
	method string
	kind   CallerKind
	name   string
}

// NewCallers returns one that counts from now on.
func NewCallers() *Callers {
	return &Callers{since: time.Now(), known: map[calls]*Calls{}, methods: map[string]int{}, looked: map[bool]int{}}
}

// Count counts a request for an RPC.
func (c *Callers) Count(method string, by Caller) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.known[calls{method, by.Kind, by.Name}]
	if one == nil {
		if one = c.place(method, by, now); one == nil {
			c.other++
			return
		}
	}
	one.Requests++
	one.Last = now
	if one.UserAgent != by.UserAgent {
		one.UserAgent = strings.Clone(by.UserAgent)
	}
}

// place gives a new caller a place: a free one, or that of a weaker one. What is kept
// holds nothing of the request's header. The lock is held.
func (c *Callers) place(method string, by Caller, now time.Time) *Calls {
	if len(c.known) >= MostCallers {
		if !c.mayLook(by.Kind == Principal, now) {
			return nil
		}
		weakest := c.weakest(method)
		if weakest.Kind == Principal && by.Kind != Principal {
			return nil
		}
		c.other += weakest.Requests
		delete(c.known, calls{weakest.Method, weakest.Kind, weakest.Name})
		if c.methods[weakest.Method]--; c.methods[weakest.Method] == 0 {
			delete(c.methods, weakest.Method)
		}
	}
	name := strings.Clone(by.Name)
	one := &Calls{Caller: Caller{Kind: by.Kind, Name: name}, Method: method, First: now}
	c.known[calls{method, by.Kind, name}] = one
	c.methods[method]++
	return one
}

// weakest returns whom a new caller of an RPC may displace: of the RPC that has the most
// callers, so that none hides those of another; who is not authenticated before who is;
// who has called least, and not for longest.
func (c *Callers) weakest(method string) *Calls {
	crowded := method
	for each, n := range c.methods {
		if n > c.methods[crowded] || n == c.methods[crowded] && crowded != method && each < crowded {
			crowded = each
		}
	}
	var weakest *Calls
	for _, one := range c.known {
		if one.Method == crowded && (weakest == nil || weaker(one, weakest) < 0) {
			weakest = one
		}
	}
	return weakest
}

func weaker(a, b *Calls) int {
	strength := func(c *Calls) int {
		if c.Kind == Principal {
			return 1
		}
		return 0
	}
	return cmp.Or(strength(a)-strength(b), cmp.Compare(a.Requests, b.Requests), a.Last.Compare(b.Last), strings.Compare(a.Name, b.Name))
}

func (c *Callers) mayLook(authenticated bool, now time.Time) bool {
	if second := now.Unix(); second != c.second {
		c.second = second
		clear(c.looked)
	}
	if c.looked[authenticated] == displacedPerSecond {
		return false
	}
	c.looked[authenticated]++
	return true
}

// Seen is what was counted.
type Seen struct {
	// Since is when counting began.
	Since time.Time
	// Calls are those of each caller, who calls most first.
	Calls []Calls
	// Other are requests of callers that have no place.
	Other int64
}

// Seen returns what was counted until now.
func (c *Callers) Seen() Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := Seen{Since: c.since, Other: c.other, Calls: make([]Calls, 0, len(c.known))}
	for _, one := range c.known {
		seen.Calls = append(seen.Calls, *one)
	}
	slices.SortFunc(seen.Calls, func(a, b Calls) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Method, b.Method), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	return seen
}

// longestProduct bounds what is kept of a User-Agent.
const longestProduct = 64

// Product returns the first product of a User-Agent with its version, such as
// "shop-app/3.2", at most 64 bytes; "" where it does not begin with one (RFC 9110, section 10.1.5).
func Product(userAgent string) string {
	end := strings.IndexAny(userAgent, " \t(")
	if end < 0 {
		end = len(userAgent)
	}
	product := userAgent[:min(end, longestProduct)]
	for i := range len(product) {
		if !productByte(product[i]) {
			return ""
		}
	}
	return product
}

// productByte reports whether a byte may be in a product: those of a token, and the
// slash in front of its version.
func productByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~/", b) >= 0
}
