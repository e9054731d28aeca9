package oracle_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// responded is what matters of a response.
type responded struct {
	Status  int
	Header  http.Header
	Trailer http.Header
	Body    any
}

// ask sends a request to a handler.
func ask(h http.Handler, r *http.Request) responded {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return read(w.Result(), w.Body.String())
}

func read(r *http.Response, body string) responded {
	a := responded{Status: r.StatusCode, Header: r.Header.Clone(), Trailer: r.Trailer, Body: body}
	a.Header.Del("Date")
	a.Header.Del("Content-Length") // JSON of equal value differs in blanks
	slices.Sort(a.Header["Trailer"])
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		a.Body = values(body)
	}
	return a
}

// values reads a sequence of JSON values, or returns the text as it is.
func values(body string) any {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var found []any
	for decoder.More() {
		var value any
		if decoder.Decode(&value) != nil {
			return body
		}
		found = append(found, value)
	}
	return found
}

// dumps tells whether an error holds the memory of the gateway: grpc-gateway
// prints the other member of a oneof, with its addresses.
func dumps(a responded) bool {
	list, _ := a.Body.([]any)
	return a.Status == http.StatusBadRequest && len(list) == 1 && strings.Contains(fmt.Sprint(list[0]), "expect type: *")
}

// compare asks both handlers and reports where their responses differ. Which of
// several faults a response names, and whether a path's GET route is found before
// its others, depends on the order of a map; so a stock handler that refuses is
// asked until it says the same.
func (p pair) compare(t *testing.T, request func() *http.Request) {
	t.Helper()
	got := ask(p.ours, request())
	var diff string
	for range 300 {
		want := ask(p.stock, request())
		if dumps(want) {
			want.Body, got.Body = nil, nil
		}
		if diff = cmp.Diff(want, got); diff == "" {
			return
		}
		if want.Status == http.StatusOK && got.Status == http.StatusOK {
			break
		}
	}
	t.Errorf("response (-stock +ours):\n%s", diff)
}
