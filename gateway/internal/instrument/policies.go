package instrument

var (
	breaker = of("venta.circuit_breaker.name")
	states  = []string{"closed", "half_open", "open"}
)

// Policies.
var (
	RateLimitDecisions = Metric{
		Name: "venta.rate_limit.decisions", Kind: Counter, Unit: "{decision}", Help: "What each rate limit said of requests.",
		More:   "Limits in shadow included.",
		Labels: []Label{rpcMethod, of("venta.rate_limit.name"), either("venta.rate_limit.decision", "allow", "deny")},
	}
	RateLimitMemory = Metric{
		Name: "venta.rate_limit.memory", Kind: Gauge, Unit: "By", Help: "Bytes that rate limits by key remember.",
		More: "Of `rate_limits.max_bytes`.",
	}
	RateLimitDisplaced = Metric{
		Name: "venta.rate_limit.displaced", Kind: Counter, Unit: "{key}", Help: "Keys of rate limits that were forgotten for others though they owed something.",
		More: "`max_bytes` is too small, or somebody makes up keys.",
	}
	CacheRequests = Metric{
		Name: "venta.cache.requests", Kind: Counter, Unit: "{request}", Help: "Requests of cached methods, by how they were served.",
		Labels: []Label{rpcMethod, below("venta.cache.outcome", "hit", "remote_hit", "collapsed", "stale_hit", "stale", "miss", "bypass", "refused")},
	}
	CacheEvents = Metric{
		Name: "venta.cache.events", Kind: Counter, Unit: "{event}", Help: "What the cache refused, left out, refreshed or encoded.",
		Labels: []Label{rpcMethod, below("venta.event",
			"key_too_large", "tags_too_large", "vary_too_large", "answer_too_large", "header_too_large",
			"refreshed", "refresh_failed", "refresh_skipped", "refresh_panicked", "encoded", "encoding_failed",
			"remote_miss", "remote_untrusted", "remote_failed", "remote_corrupt", "remote_foreign", "remote_led", "remote_gave_up")},
	}
	RetryAttempts = Metric{
		Name: "venta.retry.attempts", Kind: Counter, Unit: "{attempt}", Help: "Attempts of calls, by what followed from them.",
		More: "Under `retry` or `hedge`.",
		Labels: []Label{rpcMethod, below("venta.retry.verdict",
			"final", "retried", "exhausted", "pushed_back", "out_of_time", "over_budget", "refused", "lost")},
	}
	BreakerState = Metric{
		Name: "venta.circuit_breaker.state", Kind: Gauge, Help: "1 for the state that a circuit breaker is in, 0 for the others.",
		More:   "Of an RPC (`package.Service.Method`) or a service. Breakers of `SCOPE_ENDPOINT` are below.",
		Labels: []Label{breaker, either("venta.circuit_breaker.state", states...)},
	}
	BreakerEndpoints = Metric{
		Name: "venta.circuit_breaker.endpoints", Kind: Gauge, Unit: "{address}",
		Help:   "Addresses of a service that a circuit breaker of theirs leaves out, by its state.",
		More:   "Breakers of `SCOPE_ENDPOINT`, by the RPC; `half_open` lets probes to the address; `/upstreams` names it. There while there is one, and not for a breaker in shadow.",
		Labels: []Label{breaker, either("venta.circuit_breaker.state", states[1:]...)},
	}
	BreakerTransitions = Metric{
		Name: "venta.circuit_breaker.transitions", Kind: Counter, Unit: "{transition}", Help: "Changes of circuit breakers' states.",
		More:   "With `SCOPE_ENDPOINT` of all addresses of the RPC together, and the log names the address.",
		Labels: []Label{breaker, either("venta.circuit_breaker.previous_state", states...), either("venta.circuit_breaker.state", states...)},
	}
	ConcurrencyShed = Metric{
		Name: "venta.concurrency.shed", Kind: Counter, Unit: "{call}", Help: "Calls that were shed under overload.",
		Labels: []Label{rpcMethod, either("venta.concurrency.criticality", "critical", "default", "sheddable")},
	}
	CacheEntries = Metric{
		Name: "venta.cache.entries", Kind: Gauge, Unit: "{entry}", Help: "Keys of which responses are stored in memory.",
	}
	CacheSize = Metric{
		Name: "venta.cache.size", Kind: Gauge, Unit: "By", Help: "Bytes of the responses that are stored in memory.",
		More: "Of `cache.max_bytes`.",
	}
	ConcurrencyInFlight = Metric{
		Name: "venta.concurrency.in_flight", Kind: Gauge, Unit: "{call}", Help: "Calls that have a place under a bound of concurrency.",
		More:   "Of an RPC (`package.Service.Method`) or a service whose RPCs share the bound; in shadow, what it would have.",
		Labels: []Label{of("venta.concurrency.name")},
	}
	ConcurrencyLimit = Metric{
		Name: "venta.concurrency.limit", Kind: Gauge, Unit: "{call}", Help: "Places under a bound of concurrency, as an adaptive one has them now.",
		Labels: []Label{of("venta.concurrency.name")},
	}
	ConcurrencyQueued = Metric{
		Name: "venta.concurrency.queued", Kind: Gauge, Unit: "{call}", Help: "Calls that wait for a place.",
		Labels: []Label{of("venta.concurrency.name")},
	}
	StreamsActive = Metric{
		Name: "venta.stream.active", Kind: Gauge, Unit: "{stream}", Help: "Streams that are open.",
		Labels: []Label{rpcMethod},
	}
	StreamsOpened = Metric{
		Name: "venta.stream.opened", Kind: Counter, Unit: "{stream}", Help: "Streams that were opened, or were to be.",
		Labels: []Label{rpcMethod},
	}
	StreamMessages = Metric{
		Name: "venta.stream.messages", Kind: Counter, Unit: "{message}", Help: "Messages of streams, by direction: received from clients, and sent to them.",
		Labels: []Label{rpcMethod, either("venta.stream.direction", "received", "sent")},
	}
	WebhookDeliveries = Metric{
		Name: "venta.webhook.deliveries", Kind: Counter, Unit: "{delivery}", Help: "Deliveries of webhooks, by what became of them.",
		More: "Of RPCs that share a path, the one that takes the delivery, else the first. What limits have refused, or is too large, is not among them.",
		Labels: []Label{rpcMethod, either("venta.webhook.outcome",
			"accepted", "unmatched", "unsigned", "stale", "forged", "malformed")},
	}
	PolicyShadow = Metric{
		Name: "venta.policy.shadow", Kind: Counter, Unit: "{decision}", Help: "What policies in shadow mode would have done.",
		More:   "The words are in [annotations.md](annotations.md#modes).",
		Labels: []Label{rpcMethod, of("venta.policy.name"), of("venta.policy.would")},
	}
)

var policies = []Metric{
	RateLimitDecisions, RateLimitMemory, RateLimitDisplaced, CacheRequests, CacheEvents, RetryAttempts,
	BreakerState, BreakerEndpoints, BreakerTransitions, ConcurrencyShed, WebhookDeliveries, PolicyShadow,
	CacheEntries, CacheSize, ConcurrencyInFlight, ConcurrencyLimit, ConcurrencyQueued, StreamsActive, StreamsOpened, StreamMessages,
}
