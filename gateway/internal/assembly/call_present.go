package assembly

import (
	"net/http"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/transcode"
)

// presentStream returns what presents the RPC's streams on a route as its stream block
// says: as events on GET routes, over WebSocket on the one that it names.
func (b *builder) presentStream() func(*transcode.Route) transcode.StreamPresenter {
	streams := b.streams()
	if streams == nil {
		return func(*transcode.Route) transcode.StreamPresenter { return nil }
	}
	events, path := !b.rpc.Method.Call.ClientStreams(), b.rpc.Policy.Stream.Path
	return func(rt *transcode.Route) transcode.StreamPresenter {
		sockets := path != "" && rt.Verb() == http.MethodGet && rt.Path() == path
		return func(w http.ResponseWriter, r *http.Request, s *transcode.Streaming) bool {
			switch {
			case sockets && stream.IsHandshake(r):
				streams.ServeSocket(w, r, s)
			case events && stream.AcceptsEvents(r):
				streams.ServeEvents(w, r, s)
			default:
				return false
			}
			return true
		}
	}
}

// streamRoute is a route that an RPC has by its stream block.
type streamRoute struct {
	binding transcode.Binding
	serve   func(*transcode.Route) http.Handler
}

// streamRoutes returns the routes of the RPC's stream that are none of its bindings'. An
// override that removes the stream leaves them without anything.
func (b *builder) streamRoutes() []streamRoute {
	offered := b.rpc.Offered
	if offered == nil || offered.Path == "" {
		return nil
	}
	var routes []streamRoute
	socket := transcode.Binding{Verb: http.MethodGet, Path: offered.Path}
	if !slices.ContainsFunc(b.rpc.Bindings, func(own transcode.Binding) bool { return own.Verb == socket.Verb && own.Path == socket.Path }) {
		routes = append(routes, streamRoute{socket, b.socketEdge()})
	}
	if offered.TicketPath != "" {
		routes = append(routes, streamRoute{transcode.Binding{Verb: http.MethodPost, Path: offered.TicketPath}, b.ticketEdge()})
	}
	return routes
}

// socketEdge serves a route that WebSockets have for themselves.
func (b *builder) socketEdge() func(*transcode.Route) http.Handler {
	if b.rpc.Policy.Stream == nil {
		return notOffered
	}
	open, present := b.streamStack(), b.presentStream()
	return func(rt *transcode.Route) http.Handler {
		presented := present(rt)
		return rt.StreamHandler(open, func(w http.ResponseWriter, r *http.Request, s *transcode.Streaming) bool {
			if !presented(w, r, s) {
				stream.RefusePlain(w, s)
			}
			return true
		})
	}
}

// ticketEdge serves the route where callers get tickets.
func (b *builder) ticketEdge() func(*transcode.Route) http.Handler {
	if b.rpc.Policy.Stream == nil {
		return notOffered
	}
	tickets := b.tickets()
	return func(*transcode.Route) http.Handler { return tickets }
}

// notOffered serves the routes of a stream that an override has removed.
func notOffered(rt *transcode.Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt.WriteError(w, r, &apierror.Error{Code: codes.NotFound, Reason: apierror.RouteNotFound, Message: "no such route"})
	})
}

func (b *builder) tickets() *stream.Tickets {
	return stream.NewTickets(stream.TicketsOptions{RPC: b.rpc.Name, Store: b.env.Tickets, OnError: refuse})
}

// requestTicket puts what a ticket stands for in its place.
func (b *builder) requestTicket() Step {
	if p := b.rpc.Policy.Stream; p == nil || p.TicketPath == "" {
		return nil
	}
	return b.tickets().Middleware
}
