package emit

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// columns is how wide generated code may be, with a tab as four of them.
const columns = 120

// fits tells whether a line stays within the columns behind that many tabs.
func fits(line string, tabs int) bool { return 4*tabs+len(line) <= columns }

// filler writes code that may be broken between its pieces, with as many of them
// on each line as fit.
type filler struct {
	file  *protogen.GeneratedFile
	tabs  int // before the line
	line  string
	first bool // the line is the first one: the others stand one tab further in
}

func newFiller(file *protogen.GeneratedFile, opening string, tabs int) *filler {
	return &filler{file: file, tabs: tabs, line: opening, first: true}
}

// add puts a piece on the line, or on the next where it does not fit. It
// returns false, and does nothing, where the piece fits on neither.
func (f *filler) add(piece string) bool {
	if joined := f.line + f.space() + piece; fits(joined, f.tabs) {
		f.line = joined
		return true
	}
	if f.isOpening() || !fits(piece, f.inner()) {
		return false
	}
	f.end()
	f.line = piece
	return true
}

// put adds a piece, though it be wider than the columns.
func (f *filler) put(piece string) {
	if !f.add(piece) {
		f.file.P(f.take(), piece)
	}
}

// take returns what a piece that fits nowhere begins with: the opening, or
// nothing after the end of the line. The piece's own lines follow.
func (f *filler) take() string {
	if !f.isOpening() {
		f.end()
		return ""
	}
	opening := f.line
	f.line = ""
	return opening
}

// end writes the line.
func (f *filler) end() {
	if f.line != "" {
		f.file.P(f.line)
	}
	f.tabs, f.line, f.first = f.inner(), "", false
}

// inner is how far the lines behind the first one stand in.
func (f *filler) inner() int {
	if f.first {
		return f.tabs + 1
	}
	return f.tabs
}

func (f *filler) isOpening() bool { return strings.HasSuffix(f.line, "{") }

func (f *filler) space() string {
	if f.line == "" || f.isOpening() {
		return ""
	}
	return " "
}
