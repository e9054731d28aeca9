package gateway

import (
	"context"
	"net"

	"github.com/venta-hq/venta/gateway/internal/assembly"
)

// The end of a process, in the order in which it does this:
//
//	gw.EndConnections() // and readiness off; then wait until balancers have noticed
//	gw.EndStreams()     // while http.Server.Shutdown waits
//	gw.EndRequests()    // shortly before it has waited long enough
//	gw.WaitStreams(ctx) // behind Shutdown, which does not wait for WebSockets

// EndConnections has each response from now on announce the end of its
// connection: Connection: close in HTTP/1.1, GOAWAY in HTTP/2. A client that sends
// before the listener closes then loses no request: its connection ends behind a
// response that said so, and the next one goes elsewhere. Connections that are
// silent stay as they are.
func (g *Gateway) EndConnections() { g.closing.Store(true) }

// EndStreams ends every stream with UNAVAILABLE and the reason SHUTTING_DOWN, and
// at once those that begin later. Other requests go on. It is what a process does
// at the end of its drain, as streams do not end by themselves.
func (g *Gateway) EndStreams() { g.endStreams() }

// WaitStreams waits until every WebSocket has closed, or until the end of ctx.
func (g *Gateway) WaitStreams(ctx context.Context) error { return g.environment.OpenStreams.Wait(ctx) }

// BaseContext is for the field of that name of the [http.Server] that serves the
// gateway. [Gateway.EndRequests] ends it.
func (g *Gateway) BaseContext(net.Listener) context.Context { return g.base }

// EndRequests ends every call that still is under way for a request of a server
// with [Gateway.BaseContext]: its client gets 503 with the reason SHUTTING_DOWN in
// place of a connection that breaks off. Give the server a moment to write that.
func (g *Gateway) EndRequests() { g.endRequests(assembly.ErrShuttingDown) }
