package vendors

import (
	"strconv"

	"github.com/venta-hq/venta/services/store"
)

// noRevision is none that a vendor ever has.
const noRevision = -1

// etagOf returns the version of a vendor as v2 has it: one text for one revision.
func etagOf(revision int64) string { return strconv.FormatInt(revision, 36) }

// revisionOf returns the revision that an etag stands for. Without one that is any,
// and of a text that no vendor has for its etag, none.
func revisionOf(etag string) int64 {
	if etag == "" {
		return store.AnyRevision
	}
	revision, err := strconv.ParseInt(etag, 36, 64)
	if err != nil || revision < 1 || etagOf(revision) != etag {
		return noRevision
	}
	return revision
}
