package recovery_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/recovery"
)

// serve runs a handler and returns its response, what was logged, and what
// panicked through.
func serve(handler http.HandlerFunc) (w *httptest.ResponseRecorder, logged string, escaped any) {
	var log bytes.Buffer
	onError := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.(*apierror.Error).Message, http.StatusInternalServerError)
	}
	h := recovery.New(slog.New(slog.NewTextHandler(&log, nil)), onError, nil)(handler)
	w = httptest.NewRecorder()
	func() {
		defer func() { escaped = recover() }()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	return w, log.String(), escaped
}

func TestPanicBecomesAnError(t *testing.T) {
	w, logged, escaped := serve(func(http.ResponseWriter, *http.Request) { panic("secret") })
	if w.Code != http.StatusInternalServerError || escaped != nil {
		t.Errorf("status %d, escaped %v", w.Code, escaped)
	}
	if strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the client sees %q", w.Body)
	}
	if !strings.Contains(logged, "secret") || !strings.Contains(logged, "recovery_test.go") {
		t.Errorf("the log misses the panic or its stack: %s", logged)
	}
}

func TestPanicAfterTheResponseBeganCutsTheConnection(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"header": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"body":   func(w http.ResponseWriter) { _, _ = w.Write([]byte("half")) },
	} {
		t.Run(name, func(t *testing.T) {
			_, _, escaped := serve(func(w http.ResponseWriter, _ *http.Request) {
				begin(w)
				panic("late")
			})
			if err, ok := escaped.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("escaped %v, want http.ErrAbortHandler", escaped)
			}
		})
	}
}

func TestEarlyHintsAreNoResponse(t *testing.T) {
	w, _, escaped := serve(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		panic("after the hints")
	})
	if escaped != nil || w.Body.Len() == 0 {
		t.Errorf("escaped %v, body %q", escaped, w.Body)
	}
}

func TestAbortPasses(t *testing.T) {
	_, logged, escaped := serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if escaped != http.ErrAbortHandler || logged != "" {
		t.Errorf("escaped %v, logged %q", escaped, logged)
	}
}
