package assembly

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/transcode"
)

// refuse writes a refusal as the mux of the request's route presents errors.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	transcode.FromContext(r.Context()).Route.WriteError(w, r, err)
}
