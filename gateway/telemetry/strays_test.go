package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// TestStraysDoNotFillTheLog holds that requests without a route have ten lines a
// second, which say how many had none, and that others have all of theirs.
func TestStraysDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, handlerOf := range map[string]func(*bytes.Buffer) slog.Handler{
			"record": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
			"line":   func(b *bytes.Buffer) slog.Handler { return lineHandler{slog.NewJSONHandler(b, nil), b} },
		} {
			var plain bytes.Buffer
			logger := slog.New(handlerOf(&plain))
			handler := telemetry.Middleware(telemetry.Options{Logger: logger})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/own" {
					return
				}
				http.NotFound(w, r)
			}))
			ask := func(path string, n int) {
				for range n {
					handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
				}
			}
			ask("/nosuch", 500)
			ask("/own", 20)
			time.Sleep(time.Second)
			ask("/nosuch", 1)
			log := plain.String()
			if strays, own := strings.Count(log, "/nosuch"), strings.Count(log, "/own"); strays != 11 || own != 20 {
				t.Errorf("%s: %d lines of requests without a route, %d of others", name, strays, own)
			}
			if !strings.Contains(log, `"venta.log.left_out":490`) {
				t.Errorf("%s: it does not say how many had no line", name)
			}
		}
	})
}

// lineHandler takes lines as they are.
type lineHandler struct {
	slog.Handler
	b *bytes.Buffer
}

func (h lineHandler) WriteLine(_ slog.Level, line []byte) error {
	if !json.Valid(line) {
		return errors.New("no JSON")
	}
	_, err := h.b.Write(append(line, '\n'))
	return err
}
