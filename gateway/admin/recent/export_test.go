package recent

// Sample takes one sample.
func Sample(h *History) { h.sample() }
