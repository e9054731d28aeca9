package policy

import (
	"fmt"
	"net/textproto"

	"github.com/venta-hq/venta/gateway/internal/forward"
)

// CheckForwarded returns what is wrong with headers that are listed to travel
// upstream, under the path of their list.
func CheckForwarded(path string, headers []string) []Fault {
	var found faults
	canonical := make([]string, len(headers))
	for i, name := range headers {
		canonical[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	found.list(path, canonical, forward.MaxFields)
	for i, name := range headers {
		if name != "" {
			found.travels(entry(path, i), name)
		}
	}
	return found
}

// CheckForwardedByAll is CheckForwarded for headers that travel to every RPC, so to
// those whose responses are stored.
func CheckForwardedByAll(path string, headers []string) []Fault {
	found := faults(CheckForwarded(path, headers))
	for i, name := range headers {
		if forward.OfCache(name) {
			found.condition(entry(path, i), name)
		}
	}
	return found
}

func (f *faults) condition(path, name string) {
	f.add(path, fmt.Sprintf("%q is a condition, to which a cache responds itself", name), "remove it")
}

// travels checks the name of a header that is to travel.
func (f *faults) travels(path, name string) {
	if why := forward.Refusal(name); why != "" {
		f.add(path, fmt.Sprintf("%q %s", name, why), `remove it, or write the name of a client's header such as "Accept-Language"`)
	}
}

func (f *Forward) limits() faults {
	if len(f.Headers) == 0 {
		return faults{{
			Path: "forward.headers", Problem: "names no header", Remedy: `write one such as "Accept-Language", or remove the block`,
		}}
	}
	return CheckForwarded("forward.headers", f.Headers)
}

func (f *Forward) rules(_ RPC, m Method) faults {
	var found faults
	for i, name := range f.Headers {
		if m.Cache != nil && forward.OfCache(name) {
			found.condition(entry("forward.headers", i), name)
		}
	}
	return found
}
