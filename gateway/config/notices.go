package config

import (
	"fmt"
	"time"
)

// soon is how long before its end an override is pointed out.
const soon = 24 * time.Hour

// Notices returns what is right and yet worth a look, at its place: overrides
// that have expired at now, or expire within a day.
func (l *Loaded) Notices(now time.Time) []Fault {
	var notices []Fault
	for i, override := range l.Config.GetOverrides() {
		expires, err := time.Parse(time.RFC3339, override.GetExpires())
		if err != nil {
			continue // it has no end; others were refused
		}
		path := item("overrides", i) + ".expires"
		switch left := expires.Sub(now); {
		case left <= 0:
			notices = append(notices, l.Fault(path, "the override of "+override.GetMethods()+" has expired; remove it"))
		case left <= soon:
			notices = append(notices, l.Fault(path, fmt.Sprintf("the override of %s expires in %s", override.GetMethods(), briefly(left.Round(time.Second)))))
		}
	}
	return notices
}
