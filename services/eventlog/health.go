package eventlog

import (
	"context"
	"fmt"
	"time"
)

// mostAge is how long an event may wait before health says so.
const mostAge = 30 * time.Second

// Check is for health: the log is connected, and nothing waits for long.
func (p *Publisher) Check(ctx context.Context) error {
	if err := p.conn.Check(ctx); err != nil {
		return err
	}
	waiting, err := p.opts.Outbox.Waiting(ctx)
	if err != nil {
		return err
	}
	if age := time.Since(waiting.Since); !waiting.Since.IsZero() && age > mostAge {
		return fmt.Errorf("the oldest of %d events has waited for %s", waiting.Messages, age.Round(time.Second))
	}
	return nil
}
