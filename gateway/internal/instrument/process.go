package instrument

var (
	disk       = either("venta.filesystem.name", "data", "audit")
	credential = []Label{of("venta.credential.name"), either("venta.credential.kind", "certificate", "authority", "key", "api_key")}
)

// The process and its machine.
var (
	DependencyHealthy = Metric{
		Name: "venta.dependency.healthy", Kind: Gauge, Help: "1 while a dependency serves, be it with a part of it down, and 0 while it does not.",
		More: "The name is the upstream's, `redis`, or what a local server calls it. See [health](observability.md#health).",
		Labels: []Label{
			of("venta.dependency.name"), either("venta.dependency.kind", "upstream", "redis", "database", "events"),
			either("venta.dependency.criticality", "critical", "degradable"),
		},
	}
	ConfigCurrent = Metric{
		Name: "venta.config.current", Kind: Gauge, Help: "1 while the configuration in force is the one that is written, 0 after a refused one.",
	}
	ConfigLoaded = Metric{
		Name: "venta.config.loaded_timestamp", Kind: Gauge, Unit: "s", Help: "When the configuration was last read and accepted, in Unix time.",
		More: "At the start, or by a reload, be it that nothing has changed.",
	}
	ConfigPending = Metric{
		Name: "venta.config.restart_pending", Kind: Gauge, Unit: "{field}", Help: "Fields that are written otherwise than the process started with, and that need a restart.",
		More: "The log names them.",
	}
	ConfigReloads = Metric{
		Name: "venta.config.reloads", Kind: Counter, Unit: "{reload}", Help: "Configurations loaded while the process runs, by result.",
		Labels: []Label{either("result", "applied", "unchanged", "refused")},
	}
	Overrides = Metric{
		Name: "venta.overrides", Kind: Gauge, Unit: "{override}", Help: "Overrides that are in force, by where they are kept.",
		More:   "In the file, or in the memory of this gateway, which a restart loses.",
		Labels: []Label{either("venta.override.source", "file", "memory")},
	}
	CredentialExpiry = Metric{
		Name: "venta.credential.expiry_timestamp", Kind: Gauge, Unit: "s", Help: "When a credential of the configuration expires, in Unix time.",
		More:   "By the field that names its file. See [what expires](observability.md#what-expires).",
		Labels: credential,
	}
	CredentialLifetime = Metric{
		Name: "venta.credential.lifetime", Kind: Gauge, Unit: "s", Help: "How long a certificate is valid in all.",
		More:   "Of the one whose end `venta_credential_expiry_timestamp_seconds` is.",
		Labels: []Label{of("venta.credential.name"), either("venta.credential.kind", "certificate", "authority")},
	}
	FilesystemUsage = Metric{
		Name: "system.filesystem.usage", Kind: Gauge, Unit: "By", Help: "Bytes of the file systems that the process writes to, by state.",
		More:   "`data`: of the data folder; `audit`: of `audit.file`. What is `reserved` is root's alone. Not on Windows.",
		Labels: []Label{disk, either("system.filesystem.state", "used", "free", "reserved")},
	}
	FilesystemLimit = Metric{
		Name: "system.filesystem.limit", Kind: Gauge, Unit: "By", Help: "The size of the file systems that the process writes to.",
		Labels: []Label{disk},
	}
	AuditLost = Metric{
		Name: "venta.audit.lost", Kind: Counter, Unit: "{record}", Help: "Audit records that could not be written.",
		More: "See the [audit log](observability.md#the-audit-log).",
	}
	DroppedSpans = Metric{
		Name: "venta.telemetry.dropped_spans", Kind: Counter, Unit: "{span}", Help: "Spans that no collector got.",
		More:   "There where traces are exported.",
		Labels: []Label{either("reason", "queue_full", "export_failed")},
	}
)

var process = []Metric{
	DependencyHealthy, ConfigCurrent, ConfigLoaded, ConfigPending, ConfigReloads, Overrides, CredentialExpiry, CredentialLifetime,
	FilesystemUsage, FilesystemLimit, AuditLost, DroppedSpans,
}
