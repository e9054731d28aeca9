package stream_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/redis/redistest"
	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/stream/redisticket"
)

func tickets(rpc string, store stream.TicketStore) *stream.Tickets {
	return stream.NewTickets(stream.TicketsOptions{RPC: rpc, Store: store, OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusUnauthorized)
	}})
}

func issue(t *testing.T, from *stream.Tickets) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/ticket", nil)
	r.Header.Set("Authorization", "Bearer secret-of-ann")
	from.ServeHTTP(w, r)
	var issued struct{ Ticket string }
	if err := json.Unmarshal(w.Body.Bytes(), &issued); err != nil || issued.Ticket == "" {
		t.Fatalf("%v %s", err, w.Body)
	}
	return issued.Ticket
}

// redeem returns the credentials that a handshake then has; "": it was refused.
func redeem(by *stream.Tickets, ticket string) (credentials string) {
	r := httptest.NewRequest(http.MethodGet, "/socket", nil)
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Connection", "keep-alive, Upgrade")
	r.Header.Set("Sec-WebSocket-Protocol", "venta.v1.json, venta.ticket."+ticket)
	by.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		credentials = r.Header.Get("Authorization")
		if strings.Contains(strings.Join(r.Header["Sec-Websocket-Protocol"], ","), "ticket") {
			credentials = "the ticket goes on"
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	return credentials
}

func TestTicketsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stream.MemoryTickets{}
		mine, others := tickets("shop.v1.Feed.Follow", store), tickets("shop.v1.Feed.Chat", store)
		if got := redeem(mine, issue(t, mine)); got != "Bearer secret-of-ann" {
			t.Errorf("in time: %q", got)
		}
		if got := redeem(others, issue(t, mine)); got != "" {
			t.Errorf("for another stream: %q", got)
		}
		late := issue(t, mine)
		time.Sleep(30*time.Second + 1)
		if got := redeem(mine, late); got != "" {
			t.Errorf("too late: %q", got)
		}
	})
}

// TestTicketsOfAFleet holds that one of many gateways takes a ticket, and that Redis
// holds nothing of what it stands for.
func TestTicketsOfAFleet(t *testing.T) {
	server := redistest.Start(t)
	var gateways []*stream.Tickets
	for range 4 {
		gateways = append(gateways, tickets("shop.v1.Feed.Follow", redisticket.New(server.Open(t))))
	}
	ticket := issue(t, gateways[0])
	for key := range strings.FieldsSeq(server.Do("KEYS", "*")) {
		if strings.Contains(key, ticket) || strings.Contains(server.Do("GET", key), "secret-of-ann") {
			t.Errorf("Redis knows: %s", key)
		}
	}
	var taken atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if redeem(gateways[i%4], ticket) == "Bearer secret-of-ann" {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times", taken.Load())
	}
}

func TestMain(m *testing.M) { redistest.VerifyTestMain(m) }
