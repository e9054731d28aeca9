package main

import "github.com/venta-hq/venta/plugins/internal/plugintest"

var (
	request = plugintest.Request
	schemas = plugintest.Schemas
	compile = plugintest.Compile
	outputs = plugintest.Outputs
	lines   = plugintest.Lines
	cases   = plugintest.Cases
)
