package main

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/bench/internal/backend"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/bench/internal/wrk"
	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// newSubject returns a subject before a backend in this process.
func newSubject(t testing.TB, mode subject.Mode, routes int) (server *httptest.Server, token string) {
	t.Helper()
	folder := t.TempDir()
	token, err := sign(folder)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := devkeys.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := subject.NewHandler(subject.Options{
		Mode: mode, Routes: routes, Keys: keys,
		Conn: gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, backend.New()),
	})
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewUnstartedServer(handler)
	t.Cleanup(server.Close)
	return server, token
}

// TestRows sends every subject what every row is about.
func TestRows(t *testing.T) {
	for _, r := range allRows() {
		for _, mode := range r.modes {
			t.Run(r.name+"/"+string(mode), func(t *testing.T) {
				server, token := newSubject(t, mode, r.routes)
				server.Start()
				b := &bench{token: token}
				header, err := b.prepare(t.Context(), r, mode, server.Listener.Addr().String())
				if mode != subject.BareSqueezed && r.encoding != "" && errors.Is(err, errLeftOut) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if header.Get("Authorization") != "Bearer "+token {
					t.Errorf("the load has no token: %v", header)
				}
			})
		}
	}
}

// TestRowsAreSound holds each row to what the table needs.
func TestRowsAreSound(t *testing.T) {
	names := map[string]bool{}
	for _, r := range allRows() {
		if names[r.name] || names[r.title] {
			t.Errorf("%s: a name or title is taken", r.name)
		}
		names[r.name], names[r.title] = true, true
		if r.modes[0] != subject.Bare && r.modes[0] != subject.BareSqueezed {
			t.Errorf("%s: the baseline is not the first", r.name)
		}
		if r.connections > wrk.MaxConnections {
			t.Errorf("%s: %d connections", r.name, r.connections)
		}
	}
}

func TestChoose(t *testing.T) {
	rows, err := choose([]string{"304", "one"})
	var got []string
	for _, r := range rows {
		got = append(got, r.name)
	}
	if diff := cmp.Diff([]string{"one", "304"}, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, err := choose([]string{"two"}); err == nil || !strings.Contains(err.Error(), "routes-1000") {
		t.Errorf("error %v does not list the rows", err)
	}
}
