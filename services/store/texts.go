package store

import (
	"strings"
	"unicode/utf8"

	"github.com/venta-hq/venta/services/fault"
)

// storable reports whether both engines keep a text as it is: PostgreSQL has no
// U+0000.
func storable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// text is a field that is written.
type text struct{ field, value string }

// checkTexts refuses what cannot be stored.
func checkTexts(texts ...text) error {
	for _, t := range texts {
		if !storable(t.value) {
			return fault.Invalid(t.field, "must not contain the character U+0000")
		}
	}
	return nil
}

func (p Profile) check() error {
	return checkTexts(text{"name", p.Name}, text{"description", p.Description}, text{"phone", p.Phone},
		text{"email", p.Email}, text{"website", p.Website}, text{"profile_image", p.ProfileImage})
}

func (c Changes) check() error {
	return Profile{
		Name: given(c.Name), Description: given(c.Description), Phone: given(c.Phone),
		Email: given(c.Email), Website: given(c.Website), ProfileImage: given(c.ProfileImage),
	}.check()
}

func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
