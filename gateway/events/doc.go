// Package events is how a process reaches a log of events, NATS JetStream: for
// gateways, which purge by what happened ([Purger]), and for services, which publish and
// consume.
//
// Delivery is at least once. What [Consumer] could not handle goes to a stream of
// dead letters ([DeadLetters]), from which it can be replayed.
package events
