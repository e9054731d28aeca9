// Package telemetry shows what the gateway does, by the API and the semantic
// conventions of OpenTelemetry: it names every request, writes the access log,
// measures and traces.
//
// It stands on the API alone, and every provider is passed in: who uses the
// gateway as a library links no exporter. Package export makes providers.
package telemetry
