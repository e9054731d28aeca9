package recent

// Watched are the metrics whose series are remembered one by one.
var Watched = watched

// Sample takes one sample.
func Sample(h *History) { h.sample() }
