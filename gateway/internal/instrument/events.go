package instrument

// The log of events.
var (
	EventPurges = Metric{
		Name: "venta.events.purges", Kind: Counter, Unit: "{event}", Help: "Events that were to purge stored responses, by what became of them.",
		Labels: []Label{below("result", "purged", "unreadable", "failed", "missed")},
	}
	EventDelay = Metric{
		Name: "venta.events.delay", Kind: Histogram, Unit: "s", Help: "From when the log had an event until it had purged.",
		More: "By the clocks of two machines.",
	}
)

var events = []Metric{EventPurges, EventDelay}
