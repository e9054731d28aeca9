package process_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/venta-hq/venta/internal/browser"
)

// The admin page is tested as people have it: in a browser, of a process that serves
// requests.

// load sends requests of every kind until the test ends, a bounded number, and holds a
// stream open.
func load(t *testing.T, base string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	send := func(verb, path, body string) {
		request, err := http.NewRequestWithContext(ctx, verb, base+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("User-Agent", "till/7")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
	running.Go(func() { send(http.MethodGet, "/v1/orders:watch", "") })
	running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := range 30000 {
			switch i % 6 {
			case 0, 1:
				send(http.MethodGet, fmt.Sprintf("/v1/orders/%d", i%4), "")
			case 2:
				if i%120 == 2 { // no flood: what finds no place among the refusals is not seen
					send(http.MethodGet, "/v1/orders", "")
				}
			case 3:
				send(http.MethodPost, "/v1/orders", `{"responseSize": 4}`)
			case 4:
				send(http.MethodPost, "/v1/payments", "")
			case 5:
				send(http.MethodGet, "/v0/orders", "")
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// shopPage is a shop under load, with tokens that may read and operate.
type shopPage struct {
	*running
	read, operate string
}

func watch(t *testing.T, many bool) shopPage {
	t.Helper()
	read, readEntry := operator(t, "rob", "read", time.Time{})
	operate, operateEntry := operator(t, "ana", "operate", time.Time{})
	file := write(t, filepath.Join(t.TempDir(), "tokens.json"), entries(t, readEntry, operateEntry))
	r := run(t, orders(t, many), "admin_access: {tokens_file: "+file+", require_on_loopback: true}\n")
	load(t, r.HTTPURL)
	return shopPage{r, read, operate}
}

// signIn opens the page with a token.
func (w shopPage) signIn(t *testing.T, token string) *tab {
	t.Helper()
	b := open(t, w.AdminURL)
	b.until("the question for a token", `document.activeElement?.id === 'token'`)
	b.do(chromedp.KeyEvent(token), chromedp.KeyEvent(kb.Enter))
	b.until("the overview", `document.querySelector('main h1')?.textContent === 'Overview'`)
	b.quiet("status of 401") // the question
	return b
}

// places are all of the page's.
var places = []string{
	"", "methods", "methods/" + ordersService + "/GetOrder", "methods/" + ordersService + "/PayOrder", "methods/" + ordersService + "/WatchOrders",
	"objectives", "refusals", "limits", "cache", "overrides", "upstreams", "streams", "callers",
}

// TestPageShowsWhatHappens reads what the page says of a gateway under load.
func TestPageShowsWhatHappens(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.operate)
	b.until("traffic", `document.querySelector('.figure').textContent !== '0' && /OrderService/.test(document.querySelector('main').textContent)`)
	b.until("the open breaker", `/Circuit breaker open[^]*PayOrder/.test(document.querySelector('.attention').textContent)`)
	b.until("the broken objective", `/Objective broken[^]*PayOrder/.test(document.querySelector('.attention').textContent)`)
	for place, want := range map[string][]string{
		"methods":                                {"GetOrder", "PayOrder", "breaker open", "deprecated"},
		"objectives":                             {"PayOrder", "at most 1 % fail", "broken", "99 % within 300 ms"},
		"limits":                                 {"lists", "3 in 1 h", "client ip", "CreateOrder"},
		"cache":                                  {"GetOrder", "1 h", "Purge by tag"},
		"overrides":                              {"None is in force"},
		"upstreams":                              {"orders", "ready"},
		"streams":                                {"WatchOrders"},
		"callers":                                {"GetOldOrder", "2026-01-01", "2999-01-01"},
		"methods/" + ordersService + "/GetOrder": {"GET /v1/orders/{response_size}", ordersFile + ":21", ordersFile + ":12", "99 % within 300 ms", "orders"},
	} {
		b.visit(place)
		for _, part := range want {
			b.until(place+": "+part, `document.getElementById('main').innerText.includes(`+quoted(part)+`)`)
		}
	}
	b.quiet()
}

// TestPageShowsARefusal finds the request of a client by the id that the client has.
func TestPageShowsARefusal(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.read)
	var id string
	within(t, waitLimit, "a refusal", func() bool {
		status, header, _ := call(t, fresh(), http.MethodGet, w.HTTPURL+"/v1/orders", "X-Request-Id", "of-this-client")
		id = header.Get("X-Request-Id")
		return status == http.StatusTooManyRequests
	})
	b.visit("refusals")
	b.run(`
		const filter = document.querySelector('input[type=search]');
		filter.value = ` + quoted(id) + `;
		filter.dispatchEvent(new Event('input'));
	`)
	b.until("the refusal", `[...document.querySelectorAll('tbody tr')].some((row) => /ListOrders[^]*429[^]*rate_limits: lists[^]*RATE_LIMITED/.test(row.innerText) && row.innerText.includes(`+quoted(id)+`))`)
	b.visit("methods/" + ordersService + "/ListOrders")
	b.until("the refusal beside its method", `document.getElementById('main').innerText.includes('RATE_LIMITED')`)
	b.quiet()
}

// TestPageOfWhoMayRead has no action.
func TestPageOfWhoMayRead(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.read)
	for _, place := range places {
		b.visit(place)
		if found := eval[[]string](b, `[...document.querySelectorAll('main button')].filter((each) => !each.closest('th') && each.checkVisibility()).map((each) => each.textContent)`); len(found) > 0 {
			t.Errorf("%s: %q", place, found)
		}
	}
	b.quiet()
	b.press("header", "Sign out")
	b.until("the question for a token", `document.activeElement?.id === 'token'`)
	b.do(chromedp.KeyEvent("vk_wrong"), chromedp.KeyEvent(kb.Enter))
	b.until("the refusal of the token", `document.getElementById('token-why')?.textContent.includes('not right')`)
	b.quiet("status of 401")
}

// TestPageOverrides changes what a client gets, and undoes it.
func TestPageOverrides(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.operate)
	create := func() int {
		response, err := http.Post(w.HTTPURL+"/v1/orders", "application/json", strings.NewReader(`{"responseSize": 4, "fillUsername": true}`))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if got := create(); got != http.StatusOK {
		t.Fatalf("before: %d", got)
	}
	b.visit("methods/" + ordersService + "/CreateOrder")
	b.press("main", "Override a block")
	b.fill(map[string]string{"Block": "limits"})
	b.fill(map[string]string{"Value, as JSON": `{"max_request_bytes": "0"}`, "Reason": "too much", "For": "15m"})
	b.press(".override", "Try it")
	b.until("a reason against it", `document.querySelector('.override [role=alert]')?.textContent.includes('max_request_bytes')`)
	b.fill(map[string]string{"Value, as JSON": `{"max_request_bytes": "10"}`})
	b.press(".override", "Try it")
	b.until("what would change", `/before[^]*65536[^]*after[^]*10/.test(document.querySelector('.changes')?.innerText)`)
	if got := create(); got != http.StatusOK {
		t.Fatalf("after a trial: %d", got)
	}
	b.press(".override", "Apply")
	b.until("the override", `document.querySelector('.note')?.innerText.includes('too much')`)
	if got := create(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("overridden: %d", got)
	}
	b.visit("overrides")
	for _, part := range []string{"lost at a restart", "too much", "ana", "max_request_bytes", "overrides:"} {
		b.until(part, `document.getElementById('main').innerText.includes(`+quoted(part)+`)`)
	}
	b.press("main", "Undo")
	b.fill(map[string]string{"Reason": "all is well"})
	b.press("dialog", "Undo")
	b.until("the end of it", `!document.querySelector('dialog') && document.getElementById('main').innerText.includes('None is in force')`)
	if got := create(); got != http.StatusOK {
		t.Errorf("undone: %d", got)
	}
	b.quiet("status of 400") // the reason against the first
	w.logged(t, `"action":"override.add"[^\n]*"reason":"too much"`)
	w.logged(t, `"action":"override.remove"[^\n]*"reason":"all is well"`)
}

// TestPagePurges has a client read anew.
func TestPagePurges(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.operate)
	read := func() string {
		_, _, body := call(t, fresh(), http.MethodGet, w.HTTPURL+"/v1/orders/7")
		return body
	}
	first := read()
	if again := read(); again != first {
		t.Fatalf("it is not stored: %s, then %s", first, again)
	}
	b.visit("cache")
	b.press("main", "Purge by tag")
	b.accessible("the dialog")
	b.fill(map[string]string{"Tags, one a line": "orders\nnothing", "Reason": "a new price"})
	b.press("dialog", "Purge")
	b.until("that it is done", `document.querySelector('.done')?.innerText.includes('Purged: orders, nothing')`)
	if now := read(); now == first {
		t.Errorf("still %s", now)
	}
	b.quiet()
	w.logged(t, `"action":"cache.purge"[^\n]*"reason":"a new price"`)
}

// TestPageIsAccessible has axe-core look at every place, in both themes.
func TestPageIsAccessible(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := open(t, w.AdminURL)
	b.until("the question for a token", `document.activeElement?.id === 'token'`)
	b.accessible("the question")
	b.do(chromedp.KeyEvent(w.operate), chromedp.KeyEvent(kb.Enter))
	b.until("the open breaker", `document.querySelector('.attention .bad')`)
	for _, theme := range browser.Themes {
		b.do(browser.Prefer(theme))
		seen := map[string]bool{}
		for _, place := range places {
			b.visit(place)
			b.accessible(fmt.Sprintf("%s, %s", theme, place))
			seen[eval[string](b, `getComputedStyle(document.body).backgroundColor`)] = true
		}
		if len(seen) != 1 || eval[bool](b, `matchMedia('(prefers-color-scheme: dark)').matches`) != (theme == browser.Dark) {
			t.Errorf("%s: %v", theme, seen)
		}
		b.visit("methods/" + ordersService + "/CreateOrder")
		b.press("main", "Override a block")
		b.accessible(fmt.Sprintf("%s, the form", theme))
	}
	light := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.do(browser.Prefer(browser.Light))
	if now := eval[string](b, `getComputedStyle(document.body).backgroundColor`); now == light {
		t.Errorf("light and dark are both %s", now)
	}
	b.quiet("status of 401")
}

// TestPageByKeyboard reaches everything with Tab and does it with Enter.
func TestPageByKeyboard(t *testing.T) {
	t.Parallel()
	w := watch(t, false)
	b := w.signIn(t, w.operate)
	for _, place := range places {
		b.visit(place)
		b.tabs(place)
	}
	b.visit("")
	b.run(`document.querySelector('nav a[href="#/methods"]').focus()`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("the methods", `document.querySelector('main h1').textContent === 'Methods' && document.activeElement.id === 'main'`)
	b.run(`document.querySelector('thead button').focus()`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("rows in another order", `document.querySelector('thead th').getAttribute('aria-sort') === 'ascending' && document.querySelector('tbody a')?.textContent.includes('CreateOrder')`)
	b.run(`document.querySelector('tbody a').focus()`)
	b.update()
	b.update()
	if got := eval[string](b, `document.activeElement.textContent`); got != ordersService+"/CreateOrder" {
		t.Errorf("after updates the focus is on %q", got)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("its page", `document.querySelector('main h1').textContent.includes('CreateOrder')`)
	b.until("a chart", `document.querySelector('.plot')?.getAttribute('aria-valuemax') > 0`)
	b.run(`document.querySelector('.plot').focus()`)
	latest := eval[string](b, `document.activeElement.getAttribute('aria-valuetext')`)
	b.do(chromedp.KeyEvent(kb.Home))
	if got := eval[string](b, `document.activeElement.getAttribute('aria-valuetext')`); got == latest {
		t.Errorf("the chart says %q at its end and its beginning", got)
	}
	b.visit("cache")
	b.run(`document.querySelector('main button.act').focus()`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("the dialog", `document.querySelector('dialog[open]')?.contains(document.activeElement)`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until("its end", `!document.querySelector('dialog') && document.activeElement.textContent === 'Purge by tag'`)
	b.quiet()
}

// tabs presses Tab until it has been everywhere, and fails for what it has not reached
// and for what does not show that it has the focus.
func (b *tab) tabs(place string) {
	b.Helper()
	b.press("header", "Pause") // nothing comes or goes meanwhile
	b.run(`
		document.activeElement.blur();
		window.wanted = new Set([...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
			.filter((each) => each.checkVisibility() && !each.disabled));
		window.getSelection().removeAllRanges();
		document.body.tabIndex = -1;
		document.body.focus();
		document.body.removeAttribute('tabindex');
	`)
	for range eval[int](b, `wanted.size`) + 1 {
		b.do(chromedp.KeyEvent(kb.Tab))
		if seen := eval[string](b, `(() => {
			const at = document.activeElement;
			wanted.delete(at);
			const { outlineStyle, outlineWidth } = getComputedStyle(at);
			return at === document.body || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) ? '' : at.outerHTML.slice(0, 200);
		})()`); seen != "" {
			b.Errorf("%s: the focus is not seen on %s", place, seen)
		}
	}
	for _, missed := range eval[[]string](b, `[...wanted].map((each) => each.outerHTML.slice(0, 200))`) {
		b.Errorf("%s: Tab does not reach %s", place, missed)
	}
	b.press("header", "Pause")
}

// TestPageWithManyMethods holds what makes an update of 500 rows cheap: rows are made once,
// only what says something else is touched, and nothing asks for the layout.
func TestPageWithManyMethods(t *testing.T) {
	t.Parallel()
	w := watch(t, true)
	b := w.signIn(t, w.operate)
	b.visit("methods")
	b.until("the rows", fmt.Sprintf(`document.querySelectorAll('tbody tr').length >= %d`, itemCount))
	b.run(`
		window.asked = [];
		for (const name of ['getBoundingClientRect', 'getClientRects', 'scrollIntoView', 'checkVisibility']) {
			const real = Element.prototype[name];
			Element.prototype[name] = function (...all) { asked.push(name); return real.apply(this, all); };
		}
		for (const [of, names] of [[HTMLElement, ['offsetWidth', 'offsetHeight', 'offsetTop', 'offsetLeft', 'innerText']], [Element, ['clientWidth', 'clientHeight', 'scrollWidth', 'scrollHeight']]]) {
			for (const name of names) {
				const { get } = Object.getOwnPropertyDescriptor(of.prototype, name);
				Object.defineProperty(of.prototype, name, { get() { asked.push(name); return get.call(this); } });
			}
		}
		const style = window.getComputedStyle;
		window.getComputedStyle = (...all) => { asked.push('getComputedStyle'); return style(...all); };
		window.rows = new Set(document.querySelectorAll('tbody tr'));
		window.changes = [];
		new MutationObserver((all) => changes.push(...all)).observe(document.querySelector('main table'), { subtree: true, childList: true, characterData: true, attributes: true });
	`)
	b.update()
	if got := eval[[]string](b, `asked`); len(got) > 0 {
		t.Errorf("an update asks for the layout: %q", got)
	}
	if got := eval[int](b, `[...document.querySelectorAll('tbody tr')].filter((row) => !rows.has(row)).length`); got > 0 {
		t.Errorf("%d rows are made anew", got)
	}
	// The rows of orders have traffic; the items' have none, and say so already.
	if got := eval[int](b, `changes.filter(({ target }) => /ItemService/.test(target.parentElement?.closest('tr')?.textContent)).length`); got > 0 {
		t.Errorf("%d changes in rows that say the same", got)
	}
	b.quiet()
}
