package subject

import (
	"io"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/bench/internal/fixture"
)

func newPlain() (http.Handler, error) {
	mux := http.NewServeMux()
	for pattern, message := range map[string]proto.Message{
		"GET /v2/vendors/{id}": fixture.Vendor(),
		"GET /v2/vendors":      fixture.List(),
		"POST /v2/vendors":     fixture.Created(fixture.NewVendor()),
	} {
		body, err := fixture.JSON(message)
		if err != nil {
			return nil, err
		}
		mux.HandleFunc(pattern, writeBytes(body))
	}
	return mux, nil
}

func writeBytes(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the load generator counts what it misses
	}
}
