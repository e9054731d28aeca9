package policy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/internal/forward"
)

// mostVaryHeaders is how many headers may tell responses apart.
const mostVaryHeaders = 8

func (c *Cache) limits() faults {
	var found faults
	found.duration("cache.ttl", c.TTL, time.Second, 24*time.Hour)
	if c.StaleIfError != 0 {
		found.duration("cache.stale_if_error", c.StaleIfError, time.Second, 7*24*time.Hour)
	}
	if c.StaleWhileRevalidate != 0 {
		found.duration("cache.stale_while_revalidate", c.StaleWhileRevalidate, time.Second, 24*time.Hour)
	}
	if c.NegativeTTL != 0 {
		found.duration("cache.negative_ttl", c.NegativeTTL, time.Second, time.Hour)
	}
	found.list("cache.key_fields", c.KeyFields, -1)
	found.list("cache.vary_headers", c.VaryHeaders, mostVaryHeaders)
	for i, name := range c.VaryHeaders {
		if name != "" {
			found.varies(entry("cache.vary_headers", i), name)
		}
	}
	found.tags("cache.tags", c.Tags)
	return found
}

func (c *Cache) rules(rpc RPC, m Method) faults {
	found := c.methodRules(rpc)
	if c.Audience == AudiencePrincipal && !m.authenticates() {
		found.add("cache.audience", "the RPC knows no principal",
			`add "auth: {requirement: REQUIREMENT_REQUIRED}", or write AUDIENCE_PUBLIC if everybody may see the response`)
	}
	for i, field := range c.KeyFields {
		if field != "" {
			found.field(entry("cache.key_fields", i), rpc.Input, field)
		}
	}
	found.tagFields("cache.tags", rpc.Input, c.Tags)
	if len(c.KeyFields) > 0 {
		found = append(found, c.keyRules(rpc)...)
	}
	return found
}

func (c *Cache) methodRules(rpc RPC) faults {
	var found faults
	switch {
	case rpc.streaming():
		found.add("cache", "a stream is not cached", `remove the cache, or write "cache: {disabled: true}"`)
	case rpc.Idempotency != NoSideEffects:
		found.add("cache", "the RPC may have side effects, which a stored response would leave out",
			`declare "option idempotency_level = NO_SIDE_EFFECTS" where that is true, or write "cache: {disabled: true}"`)
	case len(rpc.reachedBy(http.MethodGet)) == 0:
		found.add("cache", "the RPC is not reached by GET, and responses to other verbs are not stored",
			`add a "get" route, or write "cache: {disabled: true}"`)
	}
	return found
}

// keyRules checks what key_fields leave out: a request that sets another field
// passes the cache by.
func (c *Cache) keyRules(rpc RPC) faults {
	var found faults
	for _, route := range rpc.reachedBy(http.MethodGet) {
		for _, variable := range route.Variables {
			if !slices.Contains(c.KeyFields, variable) {
				found.add("cache.key_fields", fmt.Sprintf("%q, which %s always sets, is missing, so nothing would be stored", variable, route.Path),
					fmt.Sprintf("add %q", variable))
			}
		}
	}
	for i, tag := range c.Tags {
		template, _ := ParseTemplate(tag)
		for _, field := range template.Fields() {
			if !slices.Contains(c.KeyFields, field) {
				found.add(entry("cache.tags", i), fmt.Sprintf("%q is not among the key_fields, so it is unset in every stored response", field),
					fmt.Sprintf("add %q to key_fields, or remove it from the tag", field))
			}
		}
	}
	return found
}

// varies checks the name of a header that tells responses apart, and so travels.
func (f *faults) varies(path, name string) {
	before := len(*f)
	if f.header(path, name); len(*f) > before || strings.EqualFold(name, "Authorization") {
		return // it travels in any case
	}
	if forward.OfCache(name) {
		f.condition(path, name)
		return
	}
	f.travels(path, name)
}
