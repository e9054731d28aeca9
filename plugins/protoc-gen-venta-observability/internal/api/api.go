// Package api holds what rules and dashboards need to know of an API.
package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/plugins/internal/resolve"
)

// API are the RPCs with a route, in the order of their names.
type API struct {
	Methods []Method
}

// Method is an RPC.
type Method struct {
	Package string // "shop.v1"
	Service string // "shop.v1.OrderService"
	Name    string // as metrics name it: "shop.v1.OrderService/GetOrder"
	Stream  bool
	Policy  policy.Method
}

// Of returns the API that the files describe.
func Of(files []resolve.File) API {
	var all API
	for _, file := range files {
		for _, service := range file.Services {
			for _, m := range service.Methods {
				name := string(service.Proto.Desc.FullName())
				all.Methods = append(all.Methods, Method{
					Package: string(file.Proto.Desc.Package()),
					Service: name,
					Name:    name + "/" + string(m.Proto.Desc.Name()),
					Stream:  m.Proto.Desc.IsStreamingClient() || m.Proto.Desc.IsStreamingServer(),
					Policy:  m.Policy,
				})
			}
		}
	}
	slices.SortFunc(all.Methods, func(a, b Method) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Names returns the names of the RPCs that are asked for.
func (a API) Names(of func(Method) bool) []string {
	var names []string
	for _, m := range a.Methods {
		if of(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Has tells whether any RPC is what is asked for.
func (a API) Has(of func(Method) bool) bool { return slices.ContainsFunc(a.Methods, of) }

// Packages returns the packages of the RPCs, each once.
func (a API) Packages() []string {
	var names []string
	for _, m := range a.Methods {
		names = append(names, m.Package)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Shadows tells whether a block of the RPC counts what it would have done. An
// objective in shadow does nothing.
func (m Method) Shadows() bool {
	all := m.Policy
	all.Objective = nil
	blocks := reflect.ValueOf(all)
	for _, block := range blocks.Fields() {
		for block.Kind() == reflect.Pointer && !block.IsNil() {
			block = block.Elem()
		}
		if block.Kind() == reflect.Struct && shadow(block) {
			return true
		}
	}
	return slices.ContainsFunc(m.Policy.RateLimits, func(l policy.RateLimit) bool { return l.Shadow })
}

func shadow(block reflect.Value) bool {
	field := block.FieldByName("Shadow")
	return field.IsValid() && field.Bool()
}
