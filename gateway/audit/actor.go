package audit

import (
	"net"
	"net/http"
)

// Asked returns who has sent a request to the admin address: an operator of that name,
// "" where it is not known, at the peer's address.
func Asked(r *http.Request, name string) Actor {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return Actor{Kind: Operator, Name: name, Address: address}
}
