// Package oracle holds the differential tests of the edge: the same requests go
// to handlers that protoc-gen-grpc-gateway generated and to ours, in front of
// the same gRPC server, and the responses must match.
//
// It has no code of its own. The schemas are in proto, what is generated from
// them in internal (buf.gen.yaml says how).
package oracle
