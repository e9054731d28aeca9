package instrument

// Labels that several metrics have.
var (
	rpcMethod  = of("rpc.method")
	httpMethod = either("http.request.method", "_OTHER", "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY")
	scheme     = either("url.scheme", "http", "https")
	direction  = either("network.io.direction", "receive", "transmit")
)

// Requests.
var (
	RequestDuration = Metric{
		Name: "http.server.request.duration", Kind: Histogram, Unit: "s", Help: "Duration of HTTP server requests.",
		More: "The time until the response was written. Without `http_route`: no route matched; without `rpc_method`: the route calls no RPC. " +
			"`error_type` is the status from 500 on, or `aborted` for a request that was cut before a response.",
		Labels: []Label{httpMethod, scheme, of("http.route"), rpcMethod, of("http.response.status_code"), of("error.type")},
	}
	ActiveRequests = Metric{
		Name: "http.server.active_requests", Kind: Gauge, Unit: "{request}", Help: "Number of active HTTP server requests.",
		Labels: []Label{httpMethod, scheme},
	}
	RequestBody = Metric{
		Name: "venta.request.body", Kind: Counter, Unit: "By", Help: "Bytes of requests' bodies, as they were read.",
		More:   "Without `rpc_method`: of requests that no route of an RPC has served.",
		Labels: []Label{rpcMethod},
	}
	ResponseBody = Metric{
		Name: "venta.response.body", Kind: Counter, Unit: "By", Help: "Bytes of responses' bodies, as they were sent.",
		More:   "Compressed, where they are.",
		Labels: []Label{rpcMethod},
	}
	UpstreamDuration = Metric{
		Name: "venta.upstream.duration", Kind: Histogram, Unit: "s", Help: "Duration of single attempts of calls to the services behind the gateway.",
		More: "Each attempt of a call, and each stream.",
		Labels: []Label{
			either("rpc.system.name", "grpc"), rpcMethod, either("rpc.response.status_code", codes...), either("error.type", codes[1:]...),
		},
	}
	TracedAfterwards = Metric{
		Name: "venta.trace.afterwards", Kind: Counter, Unit: "{request}", Help: "Requests that were not sampled and have failed or were slow.",
		More:   "Traced once they were over, or one too many in their second ([traces](observability.md#errors-are-seen-at-any-share)).",
		Labels: []Label{either("venta.trace.reason", "failed", "slow"), either("venta.trace.written", "true", "false")},
	}
)

// codes are gRPC's, in order.
var codes = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

var requests = []Metric{RequestDuration, ActiveRequests, RequestBody, ResponseBody, UpstreamDuration, TracedAfterwards}
