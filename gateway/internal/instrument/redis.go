package instrument

// Redis.
var (
	RedisAvailable = Metric{
		Name: "venta.redis.available", Kind: Gauge, Help: "1 while some node of Redis is connected and not given up.",
	}
	RedisCalls = Metric{
		Name: "venta.redis.calls", Kind: Counter, Unit: "{call}", Help: "Calls to Redis, by what became of them.",
		More:   "`rejected` were not sent.",
		Labels: []Label{either("result", "answered", "failed", "rejected")},
	}
	RedisConnections = Metric{
		Name: "venta.redis.connections", Kind: Gauge, Unit: "{connection}", Help: "Connections to Redis and its sentinels.",
	}
	RedisInFlight = Metric{
		Name: "venta.redis.in_flight", Kind: Gauge, Unit: "{call}", Help: "Calls to Redis that are under way.",
	}
	StoreEvents = Metric{
		Name: "venta.store.events", Kind: Counter, Unit: "{event}", Help: "What went other than well between the gateway and its shared stores.",
		More:   "Limits that were decided without their shared count, once for each limit of each request.",
		Labels: []Label{either("venta.store.name", "rate_limits"), either("venta.event", "failed")},
	}
	CacheTrusted = Metric{
		Name: "venta.cache.trusted", Kind: Gauge, Help: "1 while purges of other processes reach this one, so that it serves what it has stored.",
		More: "Of what is tagged.",
	}
	CacheFleetEvents = Metric{
		Name: "venta.cache.fleet_events", Kind: Counter, Unit: "{event}", Help: "What happened between this process's cache, the shared one and those of other processes.",
		Labels: []Label{below("venta.event",
			"remote_put", "remote_put_failed", "remote_queue_full", "remote_oversized",
			"remote_purged", "remote_purge_unacknowledged", "remote_purge_kept", "remote_purge_overflow", "remote_ack_dropped",
			"remote_contact", "remote_contact_lost", "remote_renewed", "remote_silent", "remote_forgotten", "remote_purge_lost", "remote_malformed")},
	}
)

var shared = []Metric{RedisAvailable, RedisCalls, RedisConnections, RedisInFlight, StoreEvents, CacheTrusted, CacheFleetEvents}
