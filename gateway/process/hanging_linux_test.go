package process_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/audit/audittest"
)

// TestADiskThatHangs holds up neither operators, who are told, nor a reload nor the end.
func TestADiskThatHangs(t *testing.T) {
	file, _ := audittest.Hanging(t)
	base := "audit: {file: " + file + "}\n"
	r := run(t, shop(nil), base)
	body := `{"all": true, "reason": "` + strings.Repeat("x", 1000) + `"}`
	done := 0
	for purge(t, r.AdminURL, body) == http.StatusOK {
		if done++; done > 1000 {
			t.Fatal("it takes everything")
		}
	}
	status, item := r.act(t, http.MethodPost, "/api/overrides", oneByte)
	if items, _ := r.listed(t); status != http.StatusServiceUnavailable || !strings.Contains(item.Error, "it cannot be recorded") || len(items) != 0 || r.tooLarge(t) {
		t.Errorf("%d %+v %+v", status, item, items)
	}
	r.rewrite(t, base+"logging: {level: debug}\n")
	r.logged(t, `configuration changed[^\n]*logging.level`)
	r.logged(t, `an audit record could not be written[^\n]*"log.level.change"[^\n]*the disk hangs`)
	if !r.metric(t, `venta_audit_lost_total(\{.*\})? [1-9][0-9]*`) {
		t.Error("nothing is counted")
	}
	r.stop() // the cleanup waits for it
	r.logged(t, `an audit record could not be written[^\n]*"process.stop"`)
}
