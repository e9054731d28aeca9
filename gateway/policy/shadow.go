package policy

import "context"

// ShadowFunc is told, under the request's context, what a block in shadow mode
// would have done: a short lower-case word such as "refuse", "exceed" or
// "retry", of a set that the policy's package lists. It is called concurrently,
// on the request's own goroutine unless a package says otherwise, and must not
// block.
type ShadowFunc func(ctx context.Context, would string)
