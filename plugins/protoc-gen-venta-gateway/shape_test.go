package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
)

// mostLines is how many lines a reviewer reads for an RPC of the reference
// system.
const mostLines = 16

// TestReferenceSystemIsShort counts the lines of each RPC in gen/.
func TestReferenceSystemIsShort(t *testing.T) {
	files, err := filepath.Glob(root + "gen/venta/*/*/*.pb.gw.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	counted := 0
	for _, path := range files {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range methodsOf(file) {
			counted++
			if lines := fset.Position(method.End()).Line - fset.Position(method.Pos()).Line; lines > mostLines {
				t.Errorf("%s has %d lines, at most %d are wanted", fset.Position(method.Pos()), lines, mostLines)
			}
		}
	}
	if counted == 0 {
		t.Error("no methods")
	}
}

// methodsOf returns the literals of a file's methods.
func methodsOf(file *ast.File) []ast.Expr {
	var found []ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Methods" {
			found = append(found, pair.Value.(*ast.CompositeLit).Elts...)
		}
		return true
	})
	return found
}

// TestSmallDiffs holds that a change of a schema changes little of the code.
func TestSmallDiffs(t *testing.T) {
	const schema = "venta/vendor/v2/vendor_service.proto"
	text, err := os.ReadFile(root + "proto/" + schema)
	if err != nil {
		t.Fatal(err)
	}
	code := func(edit ...string) []string {
		files := map[string]string{schema: strings.NewReplacer(edit...).Replace(string(text))}
		generated := outputs(t, generate(compile(t, files, protocompile.SourceInfoExtraOptionLocations), io.Discard))
		return strings.Split(generated["venta/vendor/v2/vendor_service.pb.gw.go"], "\n")
	}
	before := code()
	for _, test := range []struct {
		name, old, new string
		lines          int // of the table, or of the block
	}{
		{"a comment above everything", "syntax =", "// The vendors.\nsyntax =", 7},
		{"the requests of a limit", "requests: 10\n", "requests: 3\n", 1},
		{"a value that all RPCs inherit", `open_duration: "30s"`, `open_duration: "20s"`, 1},
		{"a block that all RPCs inherit", `auth: {requirement: REQUIREMENT_REQUIRED}`, `auth: {requirement: REQUIREMENT_OPTIONAL}`, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			after := code(test.old, test.new)
			if len(before) != len(after) {
				t.Fatalf("%d lines instead of %d", len(after), len(before))
			}
			changed := 0
			for i := range before {
				if before[i] != after[i] {
					changed++
				}
			}
			if changed == 0 || changed > test.lines {
				t.Errorf("%d lines changed, want %d\n%s", changed, test.lines, cmp.Diff(before, after))
			}
		})
	}
}
