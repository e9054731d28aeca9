package docs_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// section is what stands below one heading of a page, up to the next.
type section struct {
	level  int // 2 for "## ..."
	title  string
	blocks []block
}

// block is a fenced block.
type block struct {
	language, text string
}

// sections reads a page.
func sections(t *testing.T, path string) []section {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := []section{{}}
	var open *block
	for line := range strings.Lines(string(text)) {
		last := &list[len(list)-1]
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && open == nil:
			open = &block{language: strings.TrimSpace(fence)}
		case fenced:
			last.blocks = append(last.blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		case strings.HasPrefix(line, "#"):
			title := strings.TrimLeft(line, "#")
			list = append(list, section{level: len(line) - len(title), title: strings.TrimSpace(title)})
		}
	}
	return list
}

// below returns the sections of a deeper level behind the one with the title,
// that one first.
func below(t *testing.T, all []section, title string) []section {
	t.Helper()
	first := slices.IndexFunc(all, func(s section) bool { return s.title == title })
	if first < 0 {
		t.Fatalf("there is no section %q", title)
	}
	last := first + 1
	for last < len(all) && all[last].level > all[first].level {
		last++
	}
	return all[first:last]
}

// of returns the texts of a section's blocks in a language.
func (s section) of(language string) []string {
	var texts []string
	for _, b := range s.blocks {
		if b.language == language {
			texts = append(texts, b.text)
		}
	}
	return texts
}
