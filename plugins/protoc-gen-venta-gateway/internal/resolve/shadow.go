package resolve

import "fmt"

// routes holds the routes of a plugin run by verb and shape of the path.
type routes map[string]route

type route struct {
	path string
	rpc  string
	at   position
}

// checkShadow refuses a route that matches exactly the requests of another one.
func (b *binding) checkShadow(shape string) {
	key := b.Verb + " " + shape
	other, taken := b.routes[key]
	if !taken {
		b.routes[key] = route{path: b.Path, rpc: string(b.method.Desc.FullName()), at: b.source.position(b.pathAt)}
		return
	}
	b.fault(b.pathAt, fmt.Sprintf("%s %s matches the same requests as %s of %s (%s)", b.Verb, b.Path, other.path, other.rpc, other.at),
		"give one of them another path or verb")
}
