package instrument

var streamProtocol = either("venta.client_stream.protocol", "sse", "websocket")

// Streams that browsers have. Newline-delimited JSON is a request like others.
var (
	ClientStreams = Metric{
		Name: "venta.client_stream.open", Kind: Gauge, Unit: "{stream}", Help: "Streams of server-sent events and WebSockets that are open.",
		Labels: []Label{rpcMethod, streamProtocol},
	}
	ClientStreamMessages = Metric{
		Name: "venta.client_stream.messages", Kind: Counter, Unit: "{message}", Help: "Messages of those streams.",
		Labels: []Label{rpcMethod, streamProtocol, direction},
	}
	ClientStreamBytes = Metric{
		Name: "venta.client_stream.io", Kind: Counter, Unit: "By", Help: "Bytes of those messages, before compression.",
		Labels: []Label{rpcMethod, streamProtocol, direction},
	}
	ClientStreamDropped = Metric{
		Name: "venta.client_stream.dropped", Kind: Counter, Unit: "{message}", Help: "Messages that slow clients have lost.",
		More:   "Of `SLOW_CONSUMER_DROP_OLDEST`.",
		Labels: []Label{rpcMethod, streamProtocol},
	}
	ClientStreamEnds = Metric{
		Name: "venta.client_stream.ends", Kind: Counter, Unit: "{stream}", Help: "Ends of those streams, by why.",
		More:   "`OK`, another status of gRPC, or `CLIENT` where the client went.",
		Labels: []Label{rpcMethod, streamProtocol, of("venta.client_stream.end")},
	}
)

var streams = []Metric{ClientStreams, ClientStreamMessages, ClientStreamBytes, ClientStreamDropped, ClientStreamEnds}
