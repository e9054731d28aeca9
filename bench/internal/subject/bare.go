package subject

import (
	"context"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/klauspost/compress/gzhttp"

	stock "github.com/venta-hq/venta/bench/internal/stock/v2"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

func newBare(o Options) (http.Handler, error) {
	mux := runtime.NewServeMux()
	before, behind := around(o.Routes)
	err := errors.Join(
		handleOthers(mux, before),
		stock.RegisterVendorServiceHandlerClient(context.Background(), mux, vendorv2.NewVendorServiceClient(o.Conn)),
		handleOthers(mux, behind),
	)
	return mux, err
}

func newBareSqueezed(o Options) (http.Handler, error) {
	bare, err := newBare(o)
	if err != nil {
		return nil, err
	}
	return gzhttp.GzipHandler(bare), nil // zstd, too
}

// handleOthers adds routes that are looked at and never taken.
func handleOthers(mux *runtime.ServeMux, paths []string) error {
	for _, path := range paths {
		err := mux.HandlePath(http.MethodGet, path, func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
			http.NotFound(w, r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
