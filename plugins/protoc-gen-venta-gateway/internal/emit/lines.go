package emit

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/venta-hq/venta/plugins/internal/resolve"
)

// linesName returns the name of the function that lines writes, "" if none.
func linesName(file resolve.File) string {
	if len(file.Lines) == 0 {
		return ""
	}
	descriptor := file.Proto.GoDescriptorIdent.GoName // File_path_of_the_schema_proto
	return "f" + descriptor[1:] + "_lines"
}

// lines writes where the policies of a file are written. What moves when
// something else is written above them stands here alone.
func lines(g *protogen.GeneratedFile, file resolve.File) {
	name := linesName(file)
	if name == "" {
		return
	}
	g.P()
	g.P("// ", name, " tells on which lines the policies are written.")
	g.P("func ", name, "() ", gatewayPackage.Ident("FileLines"), " {")
	g.P("return ", gatewayPackage.Ident("FileLines"), "{")
	for _, element := range file.Lines {
		f := newFiller(g, quote(element.Name)+": {", 2)
		for i, block := range element.Blocks {
			end := ","
			if i == len(element.Blocks)-1 {
				end = "},"
			}
			f.put(fmt.Sprintf("%s: %d%s", quote(block.Name), block.Line, end))
		}
		f.end()
	}
	g.P("}")
	g.P("}")
}
