package assembly

import (
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// replies gives each attempt of a hedged call a reply of its own, be it a
// message or a frame of a route that passes responses through.
type replies struct{ retry.Messages }

// New implements retry.Replies.
func (r replies) New(reply any) (any, error) {
	if frame, ok := reply.(*transcode.Frame); ok {
		return frame.New(), nil
	}
	return r.Messages.New(reply)
}

// Move implements retry.Replies.
func (r replies) Move(reply, src any) {
	if frame, ok := src.(*transcode.Frame); ok {
		frame.MoveTo(reply.(*transcode.Frame))
		return
	}
	r.Messages.Move(reply, src)
}

// Free implements retry.Replies.
func (r replies) Free(reply any) {
	if frame, ok := reply.(*transcode.Frame); ok {
		frame.Free()
	}
}
