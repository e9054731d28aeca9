package assembly

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/transcode"
)

// presentStream presents the RPC's streams as its stream block says; nil where it has
// none.
func (b *builder) presentStream() transcode.StreamPresenter {
	streams := b.streams()
	if streams == nil {
		return nil
	}
	events := !b.rpc.Method.Call.ClientStreams()
	return func(w http.ResponseWriter, r *http.Request, s *transcode.Streaming) bool {
		switch {
		case events && stream.AcceptsEvents(r):
			streams.ServeEvents(w, r, s)
			return true
		}
		return false
	}
}
