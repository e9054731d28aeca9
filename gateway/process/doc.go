// Package process runs a gateway as a process: everything that a gateway needs
// beside its routes, for anybody's API.
//
//	func main() {
//		process.Main(process.Program{
//			Name: "shop",
//			Upstreams: process.Upstreams{"orders": {
//				Register: []process.Register{orderv1.RegisterOrderServiceGateway},
//				Target:   "127.0.0.1:9001",
//			}},
//		})
//	}
//
// is a program with the commands serve, dev, service, policy, config, events, apikey,
// token and version. It reads its configuration (gateway/config), listens with
// or without TLS, connects to its upstreams and to Redis, measures and traces,
// serves health and operations on an address of their own, follows its
// configuration, and drains when it is told to end.
//
// [Main] is for a main that has nothing else to do. [Execute] is the same
// without globals, and [Run] serves without a command line.
package process
