package export

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newReporter(slog.New(slog.NewTextHandler(&log, nil)), "exporting")
		report := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			log.Reset()
			r.report(errors.New("down"))
			if got := log.String(); want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("logged %q, want %q", got, want)
			}
		}
		report(0, `level=WARN msg=exporting error=down more_errors=0`)
		report(time.Second, "")
		report(reportEvery-2*time.Second, "")
		report(time.Second, "more_errors=2")
		report(reportEvery-1, "")
		report(time.Hour, "more_errors=1")
		report(reportEvery, "more_errors=0")
	})
}
