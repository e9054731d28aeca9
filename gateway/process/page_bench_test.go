package process_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// BenchmarkPage measures the table of some 500 methods, each with traffic: the time from
// the navigation to its picture, and of an update the script's time and that until the
// picture after it. Each figure is the mean of the runs.
func BenchmarkPage(b *testing.B) {
	r := run(b, orders(b, true), "")
	for i := range itemCount {
		if status, _, body := call(b, http.DefaultClient, http.MethodGet, fmt.Sprintf("%s/v1/items/%d", r.HTTPURL, i)); status != http.StatusOK {
			b.Fatalf("%d %s", status, body)
		}
	}
	page := open(b, r.AdminURL)
	var first, script, picture float64
	for b.Loop() {
		page.do(chromedp.Navigate("about:blank"), chromedp.Navigate(r.AdminURL+"/#/methods"))
		first += eval[float64](page, fmt.Sprintf(`(async () => {
			while (document.querySelectorAll('tbody tr').length < %d) await new Promise(requestAnimationFrame);
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			return performance.now();
		})()`, itemCount))
		page.run(`await new Promise((done) => setTimeout(done, 200))`) // the browser rests
		took := eval[[]float64](page, `(async () => {
			const main = document.getElementById('main');
			const drawn = new Promise((done) => {
				new MutationObserver((_, all) => { all.disconnect(); const began = performance.now() - Number(main.dataset.updated);
					requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))); }).observe(main, { attributeFilter: ['data-updates'] });
			});
			document.dispatchEvent(new Event('visibilitychange'));
			const took = await drawn;
			return [Number(main.dataset.updated), took];
		})()`)
		script, picture = script+took[0], picture+took[1]
	}
	n := float64(b.N)
	b.ReportMetric(first/n, "ms-to-first-picture")
	b.ReportMetric(script/n, "ms-script-of-update")
	b.ReportMetric(picture/n, "ms-to-picture-of-update")
	b.ReportMetric(0, "ns/op") // starting and resting is not of the page
}
