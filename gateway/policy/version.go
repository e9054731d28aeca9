package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func (v *Version) limits() faults {
	var found faults
	if *v == (Version{}) {
		found.add("version", "says nothing", `write "deprecated", or "version: {disabled: true}"`)
	}
	switch {
	case v.Sunset.IsZero():
	case v.Deprecated.IsZero():
		found.add("version.sunset", "an RPC that is not deprecated has no sunset", `write "deprecated" too`)
	case !v.Sunset.After(v.Deprecated):
		found.add("version.sunset", "it is not later than deprecated", "write a later date")
	}
	if v.AfterSunset == GoneAfterSunset && v.Sunset.IsZero() {
		found.add("version.after_sunset", "there is no sunset", `write "sunset" too`)
	}
	if v.Link != "" && !isURL(v.Link) {
		found.add("version.link", fmt.Sprintf("%q is not a URL", v.Link), `write a URL such as "https://docs.example.com/v1"`)
	}
	found = append(found, v.successorLimits()...)
	return found
}

func (v *Version) successorLimits() faults {
	const remedy = `write a path such as "/v2/orders/{id}", or a URL`
	var found faults
	if v.Successor == "" || isURL(v.Successor) {
		return nil
	}
	if _, err := ParseTemplate(v.Successor); err != nil {
		found.add("version.successor", err.Error(), remedy)
	} else if !isPath(v.Successor) {
		found.add("version.successor", fmt.Sprintf("%q is neither a path nor a URL", v.Successor), remedy)
	}
	return found
}

func (v *Version) rules(rpc RPC, _ Method) faults {
	var found faults
	successor, err := ParseTemplate(v.Successor)
	if err != nil {
		return nil // empty, or limits has said so
	}
	for _, route := range rpc.Routes {
		for _, variable := range successor.Fields() {
			if !slices.Contains(route.Variables, variable) {
				found.add("version.successor", fmt.Sprintf("the route %s %s has no variable %q", route.Verb, route.Path, variable),
					"use the variables that every route of the RPC has")
			}
		}
	}
	return found
}

// isURL tells whether text is an absolute URL of the web.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsAny(text, "{} ")
}

// isPath tells whether text is a path on the same host: one slash, not the two
// that begin another host's name.
func isPath(text string) bool {
	return strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") && !strings.ContainsFunc(text, notInPath)
}

func notInPath(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
