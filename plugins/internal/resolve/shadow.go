package resolve

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

// routes holds the routes of a plugin run.
type routes struct {
	byShape    map[string]route // verb and shape of the path
	byTemplate map[string]route // verb, path and service
	// deliveries are the routes that several RPCs have together, by verb and path.
	deliveries map[string][]route
}

func newRoutes() *routes {
	return &routes{byShape: map[string]route{}, byTemplate: map[string]route{}, deliveries: map[string][]route{}}
}

type route struct {
	path      string
	rpc       protoreflect.FullName
	at        position
	annotated bool
	policy    policy.Method
}

// checkShadow refuses a route that takes exactly the requests of another one:
// one of them is never reached. Where no policy is at stake, grpc-gateway's rule
// holds instead, which knows equal templates of one service alone.
func (b *binding) checkShadow(shape string) {
	mine := route{path: b.Path, rpc: b.method.Desc.FullName(), at: b.patternPosition(b.rule), annotated: b.annotated, policy: b.policy}
	if b.policy.Webhook != nil && b.checkDelivery(mine) {
		return
	}
	exactly := b.Verb + " " + b.Path + " " + string(mine.rpc.Parent())
	same, twice := b.routes.byTemplate[exactly]
	b.routes.byTemplate[exactly] = mine
	shape = b.Verb + " " + shape
	other, taken := b.routes.byShape[shape]
	if !taken {
		b.routes.byShape[shape] = mine
	}
	switch {
	case taken && (mine.annotated || other.annotated):
	case twice:
		other = same
	default:
		return
	}
	b.wrongPath(fmt.Sprintf("%s %s matches the same requests as %s of %s (%s)", b.Verb, b.Path, other.path, other.rpc, other.at),
		"give one of them another path or verb")
}

// checkDelivery compares a webhook's route with those of the RPCs that it has the path
// together with. It reports whether there are any.
func (b *binding) checkDelivery(mine route) bool {
	key := b.Verb + " " + b.Path
	others := b.routes.deliveries[key]
	b.routes.deliveries[key] = append(others, mine)
	for _, other := range others {
		if why := mine.policy.ApartFrom(other.policy); why != "" {
			b.wrongPath(fmt.Sprintf("it shares the path with %s (%s), and %s", other.rpc, other.at, why), "give each an event of its own and all else alike, or another path")
			break
		}
	}
	return len(others) > 0
}
