package export

// CollectorOf returns what traces are sent by, and where to.
func CollectorOf(c Config) string {
	collector, err := c.collector()
	if err != nil {
		return err.Error()
	}
	return string(c.protocol(collector)) + " " + collector.String()
}
