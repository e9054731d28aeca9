package instrument

var (
	upstream = of("venta.upstream.name")
	address  = of("server.address")
	listener = either("venta.listener", "http", "admin")
)

// Services behind the gateway.
var (
	UpstreamConnections = Metric{
		Name: "venta.upstream.connections", Kind: Gauge, Unit: "{connection}", Help: "Connections to each address of a service, by state.",
		Labels: []Label{upstream, address, either("venta.connection.state", "IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE", "SHUTDOWN")},
	}
	UpstreamInFlight = Metric{
		Name: "venta.upstream.in_flight", Kind: Gauge, Unit: "{call}", Help: "Calls in flight to each address of a service.",
		Labels: []Label{upstream, address},
	}
	UpstreamShare = Metric{
		Name: "venta.upstream.share", Kind: Gauge, Help: "The share of its traffic that each address of a service has: less than 1 while it starts slowly.",
		Labels: []Label{upstream, address},
	}
	UpstreamIO = Metric{
		Name: "venta.upstream.io", Kind: Counter, Unit: "By", Help: "Bytes of HTTP/2 from and to a service.",
		More:   "Without what TLS adds.",
		Labels: []Label{upstream, direction},
	}
)

var upstreams = []Metric{UpstreamConnections, UpstreamInFlight, UpstreamShare, UpstreamIO}

// Clients.
var (
	ListenerConnections = Metric{
		Name: "venta.listener.connections", Kind: Gauge, Unit: "{connection}", Help: "Connections of clients, by listener.",
		Labels: []Label{listener},
	}
	ListenerAccepted = Metric{
		Name: "venta.listener.accepted", Kind: Counter, Unit: "{connection}", Help: "Connections of clients that were taken.",
		More:   "Nearly as many as requests: clients, or a proxy, keep none.",
		Labels: []Label{listener},
	}
	ListenerRefused = Metric{
		Name: "venta.listener.refused", Kind: Counter, Unit: "{connection}", Help: "Connections that were one too many: of their address, or in all.",
		Labels: []Label{listener, either("reason", "address", "all")},
	}
	ListenerIO = Metric{
		Name: "venta.listener.io", Kind: Counter, Unit: "By", Help: "Bytes from and to clients, as they are on the network.",
		More:   "With headers, and with TLS.",
		Labels: []Label{listener, direction},
	}
	ListenerUnsent = Metric{
		Name: "venta.listener.unsent", Kind: Gauge, Unit: "By", Help: "Bytes of responses that wait for their clients.",
		Labels: []Label{listener},
	}
	ListenerCut = Metric{
		Name: "venta.listener.cut", Kind: Counter, Unit: "{response}", Help: "Responses that were cut off: their clients took them too slowly, or others needed the room.",
		Labels: []Label{listener, either("reason", "slow", "room")},
	}
	ListenerUnread = Metric{
		Name: "venta.listener.unread", Kind: Counter, Unit: "{request}", Help: "Requests that the server refused before any step of the gateway saw them, by reason.",
		Labels: []Label{listener, below("reason", "malformed", "too_large", "timeout", "tls", "http2")},
	}
)

var clients = []Metric{
	ListenerConnections, ListenerAccepted, ListenerRefused, ListenerIO, ListenerUnsent, ListenerCut, ListenerUnread,
}
