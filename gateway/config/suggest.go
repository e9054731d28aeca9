package config

import "strings"

// suggest returns "; did you mean X?" for the known name that is closest to a
// wrong one, else what to do.
func suggest(wrong string, known []string) string {
	best, least := "", max(len(wrong)/3, 1)+1
	for _, name := range known {
		if d := distance(simplified(wrong), simplified(name), least); d < least {
			best, least = name, d
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(known) <= 20:
		return "; known are " + strings.Join(known, ", ")
	default:
		return "; correct its name or remove it"
	}
}

// simplified leaves out what spellings of one name differ in.
func simplified(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// distance is how many bytes must be inserted, left out or replaced to make b
// of a (Levenshtein), or limit where lengths alone tell that it is no less.
func distance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
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
