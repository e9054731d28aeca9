package export

import "reflect"

// cost returns how many of n spans an export has cost that returned err. A
// collector that takes some of them, or all with a word of warning, responds with
// a partial success, which the exporters return as an error of a type that they
// keep to themselves: it is known by its field.
func cost(err error, n int) int64 {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case interface{ Unwrap() []error }:
		var rejected int64
		for _, one := range e.Unwrap() {
			rejected += cost(one, n)
		}
		return min(rejected, int64(n))
	case interface{ Unwrap() error }:
		return cost(e.Unwrap(), n)
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Struct {
		if rejected := v.FieldByName("RejectedItems"); rejected.IsValid() && rejected.CanInt() {
			return max(0, min(rejected.Int(), int64(n)))
		}
	}
	return int64(n)
}
