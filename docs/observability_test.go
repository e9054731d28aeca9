package docs_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var pictures = flag.Bool("pictures", false, "take the pictures of pages anew, into docs/images")

const maxPicture = 150_000 // bytes

// TestFromScrapeToAlert does what the operator's page tells, in this checkout.
func TestFromScrapeToAlert(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	x := newTerminal(t, "MAKEFLAGS=")
	write(t, x.state, []byte("cd '"+root+"'\n"))
	t.Cleanup(func() {
		x.run(`for name in CLIENTS PROMETHEUS GATEWAY SERVICE OTHERS; do if [ -n "${!name:-}" ]; then kill -KILL ${!name} 2>/dev/null || true; fi; done
if [ -n "${TRIAL:-}" ]; then if [ -n "` + failed(t) + `" ]; then tail -n 20 $TRIAL/*.log >&2; fi; rm -rf $TRIAL; fi`)
	})
	walk := below(t, sections(t, "observability.md"), "From the first scrape to an alert")[0]
	if len(walk.blocks) < 10 {
		t.Fatalf("%d blocks", len(walk.blocks))
	}
	var out string
	for _, b := range walk.blocks {
		if b.language == "text" {
			printed(t, out, b.text)
			continue
		}
		out = x.run(b.text)
		if *pictures && strings.Contains(b.text, "kill -KILL $SERVICE") {
			photograph(t, "http://"+x.moved["9090"]+"/classic/alerts", "alerts-firing.png")
		}
	}
}

func failed(t *testing.T) string {
	if t.Failed() {
		return "failed"
	}
	return ""
}

// photograph has a headless browser take a page.
func photograph(t *testing.T, url, name string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("images", name))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+t.TempDir(),
		"--window-size=900,1225", "--virtual-time-budget=5000", "--screenshot="+path, url).CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
}

// TestPictures holds that pages have the pictures that they show, and that these are small.
func TestPictures(t *testing.T) {
	text, err := os.ReadFile("observability.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for part := range strings.SplitSeq(string(text), "](images/") {
		name, _, _ := strings.Cut(part, ")")
		if !strings.HasSuffix(name, ".png") {
			continue // what stands before the first
		}
		shown++
		if info, err := os.Stat(filepath.Join("images", name)); err != nil || info.Size() > maxPicture {
			t.Errorf("%s: %v, or more than %d bytes", name, err, maxPicture)
		}
	}
	if shown == 0 {
		t.Error("the page shows no picture")
	}
}
