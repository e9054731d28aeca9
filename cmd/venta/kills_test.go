package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/internal/postgrestest"
)

// kills is how often a process is killed on each engine: KILLS, which "make
// kills" sets.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KILLS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKills kills the process of the services at random points while vendors are
// written: whatever was answered has its event, in order, and copies have one id.
func TestKills(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killWhileWriting(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killWhileWriting(t, fmt.Sprintf("database: {url: %q}\n", postgrestest.Start(t).Database(t)))
	})
}

func killWhileWriting(t *testing.T, database string) {
	log, data := startNATS(t), t.TempDir()
	config := configFile(t, database+fmt.Sprintf("events: {url: %q}\n", log.url()))
	acknowledged := map[string]bool{}
	for round := range kills(t) {
		p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config", config)
		writeUntilKilled(t, p, data, round, acknowledged)
	}
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config", config)
	p.address(t, `REST on (http://\S+) `)
	// Events of writes that were not answered may be there, too, so that the count alone
	// does not tell: what was taken when the process died comes back with its lease.
	wanted := func(all []told) bool {
		named := map[string]bool{}
		for _, e := range all {
			named[e.name] = true
		}
		for name := range acknowledged {
			if !named[name] {
				return false
			}
		}
		return true
	}
	checkEvents(t, eventsUntil(t, log.url(), wanted), acknowledged)
	t.Logf("%d writes were answered", len(acknowledged))
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// writeUntilKilled has four clients make a vendor each and rename it, and kills the
// process within 300 ms of the first answer.
func writeUntilKilled(t *testing.T, p *process, data string, round int, acknowledged map[string]bool) {
	t.Helper()
	url := p.address(t, `REST on (http://\S+) `)
	var mu sync.Mutex
	answered := make(chan struct{}, 1)
	keep := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		acknowledged[name] = true
		select {
		case answered <- struct{}{}:
		default:
		}
	}
	var writing sync.WaitGroup
	for i := range 4 {
		token := token(t, data, fmt.Sprint("owner", i))
		writing.Go(func() { writeNames(url, token, fmt.Sprintf("r%d-%d", round, i), i, keep) })
	}
	select {
	case <-answered:
	case <-time.After(waitLimit):
		t.Error("nothing is answered")
	}
	<-time.After(rand.N(300 * time.Millisecond))
	_ = p.cmd.Process.Kill()
	<-p.exited
	writing.Wait()
}

// writeNames writes one name after the other until nobody answers.
func writeNames(url, token, prefix string, number int, answered func(string)) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+number))}} // limits are by address
	client := &http.Client{Timeout: waitLimit, Transport: &http.Transport{DialContext: dialer.DialContext}}
	defer client.CloseIdleConnections()
	var id string
	for n := range 90 { // a minute's limit is 100
		name := fmt.Sprintf("%s-%d", prefix, n)
		verb, path := http.MethodPost, "/v2/vendors"
		if id != "" {
			verb, path = http.MethodPatch, "/v2/vendors/"+id
		}
		status, made, err := writeName(client, verb, url+path, token, name)
		if err != nil {
			return
		}
		if status/100 == 2 {
			answered(name)
			id = made
		}
	}
}

func writeName(client *http.Client, verb, url, token, name string) (status int, id string, err error) {
	body := fmt.Sprintf(`{"name":%q,"email":"a@example.com"}`, name)
	request, err := http.NewRequest(verb, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var made struct{ ID string }
	err = json.NewDecoder(response.Body).Decode(&made)
	return response.StatusCode, made.ID, err
}
