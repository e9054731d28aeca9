package gateway

// State returns the parts of the generation in use, its stacks, its settings and
// itself, for tests that count what is left of them.
func (g *Gateway) State() (parts, stacks []any, settings, generation any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, value := range g.generation.Parts() {
		parts = append(parts, value)
	}
	for _, m := range g.methods {
		for _, rt := range m.routes {
			stacks = append(stacks, rt.served.Load())
		}
	}
	return parts, stacks, g.live.Load(), g.generation
}
