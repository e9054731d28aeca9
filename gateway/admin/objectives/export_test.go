package objectives

// Steps is how many parts of windows are remembered.
func Steps(t *Tracker) int {
	n := 0
	for _, b := range t.budgets {
		n += cap(b.counts)
	}
	return n
}
