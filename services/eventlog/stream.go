package eventlog

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What the stream keeps, where this package makes it.
const (
	subjects = "events.>"
	maxAge   = 7 * 24 * time.Hour
	maxBytes = 1 << 30
	// sameFor is how long the server knows an id: an event that is published again
	// within it is stored once.
	sameFor = 15 * time.Minute
)

// ensure makes the stream unless it is there. One that is there stays as it is: whoever
// made it may have wanted replicas or another retention.
func ensure(ctx context.Context, js jetstream.JetStream, name string) error {
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects}, Description: "what happened at the services",
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: maxAge, MaxBytes: maxBytes, Duplicates: sameFor,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}
