package gateway

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// retry returns the step that repeats failed calls, with the method's budget.
func (reg *registrar) retry(s Service, m Method) (grpc.UnaryClientInterceptor, error) {
	p := *m.Policy.Retry
	return keep(reg.parts, s.Name+"."+m.Name+"/retry", p, func() (grpc.UnaryClientInterceptor, error) {
		return retry.New(p, retry.Options{OnAttempt: reg.gateway.countAttempt})
	})
}

// hedge returns the step that races slow calls, with the method's budget.
func (reg *registrar) hedge(s Service, m Method) (grpc.UnaryClientInterceptor, error) {
	p := *m.Policy.Hedge
	return keep(reg.parts, s.Name+"."+m.Name+"/hedge", p, func() (grpc.UnaryClientInterceptor, error) {
		return retry.NewHedge(p, retry.HedgeOptions{Replies: replies{}, OnAttempt: reg.gateway.countAttempt})
	})
}

// replies gives each attempt of a hedged call a reply of its own, be it a
// message or a frame of a route that passes answers through.
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
