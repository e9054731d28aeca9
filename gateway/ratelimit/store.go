package ratelimit

import "context"

// Store keeps the counts of shared limits for all processes. It is called
// concurrently. Package redislimit has one.
type Store interface {
	// Charge decides all asks of one request in one go, by its own clock: it
	// charges those that are covered if every ask but those in shadow mode is
	// covered, and else none. counts has room for as many as there are asks and
	// receives where each count stands afterwards.
	//
	// Asks of one call have the same group, and groups share no counts: a store
	// of several nodes keeps each group on one of them. On an error it is not
	// known whether anything was charged.
	Charge(ctx context.Context, group string, asks []Ask, counts []Count) error
}

// Span is a length of time, or a moment since 1970-01-01 UTC, in microseconds
// and parts of one. What a microsecond's part is stands in [Ask.Parts]: such
// that the time of one unit is a whole number of them, whatever the rate.
type Span struct {
	Micros int64
	Parts  int64 // from 0 to Ask.Parts - 1
}

// Ask is what one request asks of one count. No sum of a moment of this century
// and two spans passes 2^53.
type Ask struct {
	// Name tells the counts of a group apart.
	Name string
	// Need is the time in which what the request costs is earned.
	Need Span
	// Want is charged instead of Need where it is covered. It is Need but for a
	// limit with leases.
	Want Span
	// Burst is the time in which the whole burst is earned.
	Burst Span
	// Parts is how many parts a microsecond has: at most 1e12.
	Parts int64
	// Shadow asks never keep others from being charged.
	Shadow bool
}

// Count is where a count stands after an [Ask].
type Count struct {
	// Now is the store's clock, in microseconds.
	Now int64
	// TAT is the theoretical arrival time: when all that was spent is earned
	// back. A count that owes nothing may have any TAT up to Now.
	TAT Span
	// Verdict says what was done.
	Verdict Verdict
}

// Verdict says what a [Store] did with an [Ask].
type Verdict int

// The verdicts.
const (
	Refused     Verdict = iota // not covered
	Spared                     // covered, and not charged as another ask was not
	ChargedNeed                // Need was charged
	ChargedWant                // Want was charged
)
