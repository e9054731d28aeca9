// Package proto holds the source text of the schemas that users of Venta
// import, with its comments.
package proto

import "embed"

// Policy holds venta/policy/v1, the annotations.
//
//go:embed venta/policy/v1/*.proto
var Policy embed.FS
