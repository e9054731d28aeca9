package upstream

import (
	"errors"

	"google.golang.org/grpc/balancer"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// layerPicker asks the picker below until it names an address that is to be used.
type layerPicker struct {
	layer *layer
	below balancer.Picker
}

// The number of times that the picker below is asked, for each address that
// there is: as it goes round for all calls at once, or by chance, one that
// admits may stay unnamed, yet less likely each time.
const (
	asksPerAddress = 4
	maxAsks        = 64
)

// Pick returns the first choice that is to be used. Of a call without a group
// that is the last one in any case.
func (p *layerPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	a := attemptOf(info.Ctx)
	asks := max(2, min(asksPerAddress*int(p.layer.known.Load()), maxAsks))
	var refusal error
	for i := range asks {
		result, err := p.below.Pick(info)
		if err != nil {
			return result, err
		}
		own, ok := result.SubConn.(*subConn)
		if !ok {
			return result, nil // not of this layer: grpc-go judges it
		}
		permit, err := own.endpoint.admit(a, i < asks/2)
		if err == nil {
			requestctx.Reached(info.Ctx, &own.endpoint.address)
			return own.use(a, permit, result), nil
		}
		if result.Done != nil {
			result.Done(balancer.DoneInfo{})
		}
		if !errors.Is(err, errSkipped) {
			refusal = sooner(refusal, err)
		}
	}
	return balancer.PickResult{}, refusal
}

// use makes the choice that of the call.
func (s *subConn) use(a *attempt, permit Permit, result balancer.PickResult) balancer.PickResult {
	conn := s.endpoint.conns[0]
	result.SubConn = bare(s.SubConn)
	conn.begin()
	result.Done = both(result.Done, conn.done)
	if a == nil {
		return result
	}
	return a.chosen(s.endpoint.endpoint, permit, result)
}
