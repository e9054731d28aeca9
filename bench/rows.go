package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/bench/internal/fixture"
	"github.com/venta-hq/venta/bench/internal/subject"
)

// row is one load and the subjects that bear it.
type row struct {
	name        string // of --rows
	title       string
	verb, path  string
	send        proto.Message  // nil: no body
	want        proto.Message  // what the response holds
	modes       []subject.Mode // the first is what the others are compared with
	connections int
	routes      int    // 0: the backend's own
	encoding    string // requested; a subject that does not respond in it is left out
	conditional bool   // with the entity tag that the subject gave before
}

// few connections keep two cores busy without queues; many show what waiting
// requests cost.
const (
	few  = 16
	many = 512
)

var (
	onePath  = "/v2/vendors/" + fixture.ID
	listPath = "/v2/vendors"
	everyone = []subject.Mode{subject.Bare, subject.Venta, subject.Policies, subject.Plain}
	caching  = []subject.Mode{subject.Bare, subject.Cached, subject.Plain}
	gateways = []subject.Mode{subject.Bare, subject.Venta}
	squeezed = []subject.Mode{subject.BareSqueezed, subject.Venta, subject.Policies, subject.Cached}
)

func allRows() []row {
	get, one, list := http.MethodGet, fixture.Vendor(), fixture.List()
	made := fixture.Created(fixture.NewVendor())
	return []row{
		{name: "one", title: "one object", verb: get, path: onePath, want: one, modes: everyone, connections: few},
		{name: "list", title: "list of 50", verb: get, path: listPath, want: list, modes: everyone, connections: few},
		{name: "post", title: "1 kB POST", verb: http.MethodPost, path: listPath, send: fixture.NewVendor(), want: made, modes: everyone, connections: few},
		{name: "hit", title: "one object, cached", verb: get, path: onePath, want: one, modes: caching, connections: few},
		{name: "hit-list", title: "list of 50, cached", verb: get, path: listPath, want: list, modes: caching, connections: few},
		{name: "304", title: "one object, If-None-Match", verb: get, path: onePath, want: one, modes: caching, connections: few, conditional: true},
		{name: "gzip", title: "list of 50, gzip", verb: get, path: listPath, want: list, modes: squeezed, connections: few, encoding: "gzip"},
		{name: "zstd", title: "list of 50, zstd", verb: get, path: listPath, want: list, modes: squeezed, connections: few, encoding: "zstd"},
		{name: "routes-10", title: "one object, 10 routes", verb: get, path: onePath, want: one, modes: gateways, connections: few, routes: 10},
		{name: "routes-1000", title: "one object, 1,000 routes", verb: get, path: onePath, want: one, modes: gateways, connections: few, routes: 1000},
		{name: "many", title: "one object, 512 connections", verb: get, path: onePath, want: one, modes: everyone, connections: many},
	}
}

// choose returns the rows with the names, or all.
func choose(names []string) ([]row, error) {
	rows := allRows()
	if len(names) == 0 {
		return rows, nil
	}
	known := make([]string, len(rows))
	for i, r := range rows {
		known[i] = r.name
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--rows: no row is named %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(names, r.name) }), nil
}
