// Package eventlog is the log of events of the reference system: the server that a
// process without one brings along, the stream, and what publishes the outbox.
package eventlog
