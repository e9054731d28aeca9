package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway"
)

func TestOwnRoutes(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.PathValue("name"))
	})
	gw, err := gateway.New(gateway.Options{Routes: map[string]http.Handler{
		"GET /docs/{name}": page,
		"GET /broken":      http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = gw.Close() }()
	handler := gw.Handler()
	for _, test := range []struct {
		request string
		status  int
		body    string
	}{
		{"GET /docs/a", http.StatusOK, "a"},
		{"POST /docs/a", http.StatusNotFound, "ROUTE_NOT_FOUND"},
		{"GET /docs/a/b", http.StatusNotFound, "ROUTE_NOT_FOUND"},
		{"GET /broken", http.StatusInternalServerError, ""},
	} {
		verb, path, _ := strings.Cut(test.request, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(verb, path, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.body) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v %s", test.request, w.Code, w.Header(), w.Body)
		}
	}
	for _, pattern := range []string{"no pattern", "GET /{"} {
		if _, err := gateway.New(gateway.Options{Routes: map[string]http.Handler{pattern: page}}); err == nil || !strings.Contains(err.Error(), pattern) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
