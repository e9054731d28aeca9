// Package fleet compares what the gateway shares over Redis with what one would
// write by hand. It has benchmarks alone; "go run ./bench fleet" runs them.
package fleet
