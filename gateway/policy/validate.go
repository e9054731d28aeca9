package policy

import "errors"

// Fault is one thing that is wrong with a policy. It is comparable.
type Fault struct {
	Path    string // of the schema's fields, such as "rate_limits[1].key.field"; "routes[0]" names a route of the RPC
	Problem string // what is wrong
	Remedy  string // what to do instead
}

// String returns the fault as one line.
func (f Fault) String() string { return f.Path + ": " + f.Problem + "; " + f.Remedy }

// Validate returns everything that is wrong with the policy on the RPC, in the
// order of the schema's blocks: values out of their limits, and combinations
// that are unsafe or cannot be honoured. Nil means that it can be served.
func (m Method) Validate(rpc RPC) []Fault {
	found := checkRoutes(rpc)
	for _, b := range m.blocks() {
		found = append(found, b.limits()...)
		found = append(found, b.rules(rpc, m)...)
	}
	return found
}

// ValidateLimits returns the part of [Method.Validate] that neither the RPC nor
// a second block has a say in. It serves policies that hold a part of the
// blocks, such as the defaults of a file.
func (m Method) ValidateLimits() []Fault {
	var found faults
	for _, b := range m.blocks() {
		found = append(found, b.limits()...)
	}
	return found
}

// CheckLimits returns the faults of [Method.ValidateLimits] as one error, or nil.
// It serves what is made of a block without its RPC, such as one breaker.
func (m Method) CheckLimits() error { return faults(m.ValidateLimits()).err() }

// CheckLimits returns what is wrong with the budget's values, or nil.
func (b RetryBudget) CheckLimits() error {
	var found faults
	found.budget("budget", b)
	return found.err()
}

func (f faults) err() error {
	var errs []error
	for _, fault := range f {
		errs = append(errs, errors.New(fault.String()))
	}
	return errors.Join(errs...)
}

// block is one block of a policy.
type block interface {
	// limits checks the block's values alone.
	limits() faults
	// rules checks the block against the RPC and the other blocks. It bears
	// values that are out of their limits, and is silent about them.
	rules(rpc RPC, m Method) faults
}

// blocks returns the blocks that are set, in the order of the schema.
func (m Method) blocks() []block {
	var set []block
	add := func(isSet bool, b block) {
		if isSet {
			set = append(set, b)
		}
	}
	add(m.Timeout != nil, m.Timeout)
	add(m.Retry != nil, m.Retry)
	add(m.Hedge != nil, m.Hedge)
	add(m.CircuitBreaker != nil, m.CircuitBreaker)
	add(len(m.RateLimits) > 0, rateLimits(m.RateLimits))
	add(m.Cache != nil, m.Cache)
	add(m.Invalidates != nil, m.Invalidates)
	add(m.Concurrency != nil, m.Concurrency)
	add(m.Auth != nil, m.Auth)
	add(m.Version != nil, m.Version)
	add(m.Objective != nil, m.Objective)
	add(m.Limits != nil, m.Limits)
	add(m.Response != nil, m.Response)
	add(m.Forward != nil, m.Forward)
	add(m.Etag != nil, m.Etag)
	add(m.Stream != nil, m.Stream)
	add(m.Webhook != nil, m.Webhook)
	return set
}

// authenticates tells whether a principal is known on authenticated calls.
func (m Method) authenticates() bool {
	return m.Auth != nil && m.Auth.Requirement != AuthNone
}
