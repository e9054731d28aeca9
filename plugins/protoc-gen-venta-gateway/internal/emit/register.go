package emit

import "google.golang.org/protobuf/compiler/protogen"

// registration writes the functions that serve a service: one for the whole
// gateway, and those of grpc-gateway's names and signatures.
func registration(g *protogen.GeneratedFile, n names) {
	var (
		ctx     = g.QualifiedGoIdent(contextPackage.Ident("Context"))
		mux     = "*" + g.QualifiedGoIdent(runtimePackage.Ident("ServeMux"))
		gateway = "*" + g.QualifiedGoIdent(gatewayPackage.Ident("Gateway"))
		onMux   = g.QualifiedGoIdent(gatewayPackage.Ident("RegisterOnMux"))
	)
	g.P()
	g.P("// ", n.register, " serves ", n.service, "'s routes on gw, with every")
	g.P("// annotated policy, by calls over conn.")
	g.P("func ", n.register, "(gw ", gateway, ", conn ", grpcPackage.Ident("ClientConnInterface"), ") error {")
	g.P("return gw.Register(", n.describe, "(), conn)")
	g.P("}")

	g.P()
	g.P("// ", n.handler, "FromEndpoint dials endpoint, serves ", n.service, "'s routes")
	g.P("// on mux, and closes the connection when ctx is done.")
	g.P("func ", n.handler, "FromEndpoint(ctx ", ctx, ", mux ", mux, ", endpoint string, opts []", grpcPackage.Ident("DialOption"), ") error {")
	g.P("return ", gatewayPackage.Ident("RegisterFromEndpoint"), "(ctx, mux, endpoint, opts, ", n.handler, ")")
	g.P("}")

	g.P()
	g.P("// ", n.handler, " serves ", n.service, "'s routes on mux by calls over conn.")
	g.P("func ", n.handler, "(ctx ", ctx, ", mux ", mux, ", conn *", grpcPackage.Ident("ClientConn"), ") error {")
	g.P("return ", onMux, "(ctx, mux, ", n.describe, "(), conn)")
	g.P("}")

	g.P()
	g.P("// ", n.handler, "Client serves ", n.service, "'s routes on mux by calls to client.")
	g.P("func ", n.handler, "Client(ctx ", ctx, ", mux ", mux, ", client ", n.client, ") error {")
	g.P("svc := ", n.describe, "()")
	g.P("return ", onMux, "(ctx, mux, svc, ", gatewayPackage.Ident("ClientConn"), "(svc, client))")
	g.P("}")

	g.P()
	g.P("// ", n.handler, "Server serves ", n.service, "'s routes on mux by calls to server")
	g.P("// in this process.")
	g.P("func ", n.handler, "Server(ctx ", ctx, ", mux ", mux, ", server ", n.server, ") error {")
	g.P("return ", onMux, "(ctx, mux, ", n.describe, "(), ", gatewayPackage.Ident("ServerConn"), "(&", n.desc, ", server))")
	g.P("}")
}
