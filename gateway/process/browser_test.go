package process_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/venta-hq/venta/internal/browser"
)

// tab is a browser's, with what its console has said.
type tab struct {
	testing.TB
	ctx context.Context

	mu   sync.Mutex
	said []string
}

// open shows an address in a browser of its own until the test ends.
func open(t testing.TB, url string) *tab {
	t.Helper()
	ctx, end := browser.New(t.Context(), t.TempDir())
	t.Cleanup(end)
	b := &tab{TB: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(1360, 900), browser.Prefer(browser.Light))
	b.listen()
	b.do(chromedp.Navigate(url))
	return b
}

// listen collects what the browser complains of: scripts that fail, what the policy of
// the page forbids, responses that it did not expect.
func (b *tab) listen() {
	messages := chromedp.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the browser has ended
			}
			b.mu.Lock()
			b.said = append(b.said, m.String()+" "+m.URL)
			b.mu.Unlock()
		}
	}()
}

// quiet fails for what the console has said since the last time, but for lines with
// one of the parts.
func (b *tab) quiet(but ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.said {
		expected := false
		for _, part := range but {
			expected = expected || strings.Contains(line, part)
		}
		if !expected {
			b.Errorf("the console: %s", line)
		}
	}
	b.said = nil
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns what an expression, or its promise, comes to.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return value
}

// run runs statements that await.
func (b *tab) run(statements string) {
	b.Helper()
	eval[bool](b, "(async () => { "+statements+"; return true; })()")
}

// until waits for an expression to hold, while the page shows new answers.
func (b *tab) until(what, expression string) {
	b.Helper()
	within(b.TB, waitLimit, what, func() bool { return eval[bool](b, "Boolean("+expression+")") })
}

// update has the page ask again, and waits until it shows the answers.
func (b *tab) update() {
	b.Helper()
	b.run(`
		const main = document.getElementById('main');
		const before = main.dataset.updates;
		document.dispatchEvent(new Event('visibilitychange'));
		while (main.dataset.updates === before) await new Promise(requestAnimationFrame);
	`)
}

// visit goes to a place of the page, and waits until it is shown.
func (b *tab) visit(place string) {
	b.Helper()
	b.run(`location.hash = ` + quoted("#/"+place))
	b.until(place, `decodeURI(location.hash) === `+quoted("#/"+place)+` && document.querySelector('main h1') && !main.hasAttribute('aria-busy')`)
}

// press presses the button with a name in a part of the page, once it is there.
func (b *tab) press(within, name string) {
	b.Helper()
	b.until("a button "+name, `[...document.querySelectorAll(`+quoted(within+" button")+`)].some((button) => {
		const found = button.textContent === `+quoted(name)+` && button.checkVisibility() && !button.disabled;
		if (found) button.click();
		return found;
	})`)
}

// fill writes into fields by their labels, as a person would.
func (b *tab) fill(fields map[string]string) {
	b.Helper()
	for label, value := range fields {
		b.run(`
			const label = [...document.querySelectorAll('label')].find((each) => each.textContent === ` + quoted(label) + `);
			const field = document.getElementById(label.htmlFor);
			field.value = ` + quoted(value) + `;
			field.dispatchEvent(new Event('input', { bubbles: true }));
			field.dispatchEvent(new Event('change', { bubbles: true }));
		`)
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // every text has a form
	return string(b)
}

// accessible fails for what axe-core finds in what is shown.
func (b *tab) accessible(what string) {
	b.Helper()
	if !eval[bool](b, "'axe' in window") {
		b.do(chromedp.Evaluate[chromedp.Void](axe(b.TB)))
	}
	for _, found := range eval[[]string](b, `axe.run(document, { preload: false }).then(({ violations }) => violations.flatMap((v) => v.nodes.map((n) =>
		v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary)))`) {
		b.Errorf("%s: %s", what, found)
	}
}

// axe is the script of axe-core, which make test installs.
func axe(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../bin/axe.min.js")
	if err != nil {
		t.Fatalf("run make bin/axe.min.js first: %v", err)
	}
	return string(text)
}
