package gateway

import (
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/transcode"
)

// registrar adds services to a place that serves routes: the gateway itself, or
// a grpc-gateway mux whose behaviour must stay as its user knows it.
type registrar struct {
	gateway *Gateway // whose stores, verifier and logger the policies use
	mux     *runtime.ServeMux
	// validate checks messages before the call. Nil: they are not checked.
	validate grpc.UnaryClientInterceptor
	// fromUpstream turns an upstream's error into what a client may see.
	fromUpstream func(error) error
	// passThrough lets answers go from wire to JSON without a message, which an
	// interceptor of the connection's owner may notice.
	passThrough bool
	// The bounds of messages whose RPC has none of its own. 0: no bound.
	maxRequestBytes, maxResponseBytes int64
	// add serves a route.
	add func(*transcode.Route, http.Handler) error
}

func (reg *registrar) register(s Service, conn grpc.ClientConnInterface) error {
	for _, m := range s.Methods {
		if err := reg.registerMethod(s, m, conn); err != nil {
			return fmt.Errorf("%s.%s: %w", s.Name, m.Name, err)
		}
	}
	return nil
}

func (reg *registrar) registerMethod(s Service, m Method, conn grpc.ClientConnInterface) error {
	if err := checkPolicy(s, m); err != nil {
		return err
	}
	invoke, err := reg.callStack(s, m, conn)
	if err != nil {
		return err
	}
	steps, err := reg.requestStack(s, m)
	if err != nil {
		return err
	}
	for _, b := range m.Bindings {
		rt, err := transcode.NewRoute(reg.mux, s.transcoded(m), b, m.Policy.Response)
		if err != nil {
			return err
		}
		if reg.passThrough {
			if rt, err = rt.PassingThrough(); err != nil {
				return err
			}
		}
		if err := reg.add(rt, wrap(rt.Handler(invoke), steps...)); err != nil {
			return err
		}
	}
	return nil
}

// refuse writes a refusal as the mux presents errors.
func (reg *registrar) refuse(w http.ResponseWriter, r *http.Request, err error) {
	transcode.WriteError(reg.mux, w, r, err)
}
