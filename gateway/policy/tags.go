package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Tags are those under which caches store responses. They are immutable.
type Tags struct {
	all []string
}

// NewTags returns a set of tags, as annotations write them.
func NewTags(tags []string) Tags {
	all := slices.DeleteFunc(slices.Sorted(slices.Values(tags)), func(tag string) bool {
		_, err := ParseTemplate(tag)
		return err != nil
	})
	return Tags{slices.Compact(all)}
}

// Make tells whether a response may be stored under a tag that is purged. Names of
// fields mean nothing for that, and a field's value has no colon in it:
// "order:{id}" and "order:{order_id}" can be the same tag, "order:{id}" and
// "order:{tenant}:{id}" only by the same way of writing them.
func (t Tags) Make(tag string) bool {
	return slices.ContainsFunc(t.all, func(made string) bool { return meet(made, tag) })
}

// Missing says that no cache of a place, such as "this run", makes a tag, and which
// tags there are.
func (t Tags) Missing(tag, place string) string {
	text := fmt.Sprintf("no cache of %s makes %q, so nothing is purged by it", place, tag)
	if len(t.all) == 0 {
		return text + " (none has a tag)"
	}
	var quoted []string
	for _, made := range t.closest(tag) {
		quoted = append(quoted, fmt.Sprintf("%q", made))
	}
	return fmt.Sprintf("%s (there are %s)", text, enumerate(quoted))
}

// closest returns all tags, those first that are written most like it.
func (t Tags) closest(tag string) []string {
	return slices.SortedStableFunc(slices.Values(t.all), func(a, b string) int {
		return cmp.Compare(edits(shape(a), shape(tag)), edits(shape(b), shape(tag)))
	})
}

// shape returns a tag with nothing in its braces.
func shape(tag string) string {
	template, err := ParseTemplate(tag)
	if err != nil {
		return tag
	}
	return template.Expand(func(string) string { return "{}" })
}

// meet tells whether two tags can become one: part by part between colons.
func meet(a, b string) bool {
	left, right := strings.Split(shape(a), ":"), strings.Split(shape(b), ":")
	return slices.EqualFunc(left, right, overlap)
}

// overlap tells whether some text fits two parts, in which "{}" stands for any text.
func overlap(a, b string) bool {
	left, right := strings.ReplaceAll(a, "{}", "{"), strings.ReplaceAll(b, "{}", "{")
	// fits[j] tells of the first bytes of left and the first j of right.
	fits := make([]bool, len(right)+1)
	for i := range len(left) + 1 {
		before := false // of one byte less on both sides
		for j := range len(right) + 1 {
			above := fits[j]
			switch {
			case i == 0 && j == 0:
				fits[j] = true
			case i > 0 && left[i-1] == '{' && (above || j > 0 && fits[j-1]),
				j > 0 && right[j-1] == '{' && (fits[j-1] || i > 0 && above):
				fits[j] = true
			default:
				fits[j] = i > 0 && j > 0 && left[i-1] == right[j-1] && left[i-1] != '{' && before
			}
			before = above
		}
	}
	return fits[len(right)]
}

// edits is how many bytes must be inserted, left out or replaced to make b of a
// (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
