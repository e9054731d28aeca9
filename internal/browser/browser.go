// Package browser starts headless Chromium, to test pages as people see them and to
// make their pictures.
package browser

import (
	"context"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Theme is what a browser's user prefers.
type Theme string

// The themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Themes are all of them.
var Themes = []Theme{Light, Dark}

// New starts a browser that keeps everything in folder, which it removes. The
// context is that of a first tab; [chromedp.NewContext] of it opens another. The
// returned function ends the browser and waits for that.
func New(parent context.Context, folder string) (context.Context, func()) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox, // containers have none; it shows our own page alone
		chromedp.DisableGPU,
		chromedp.UserDataDir(folder),
		chromedp.Env("TMPDIR="+folder, "HOME="+folder),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-crash-upload", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en-GB"),
	)
	ctx, cancel := chromedp.NewExecAllocator(parent, options...)
	allocator := chromedp.FromContext(ctx).Allocator
	tab, closeTab := chromedp.NewContext(ctx)
	return tab, func() {
		_ = chromedp.Cancel(tab) // it may have ended before
		closeTab()
		cancel()
		allocator.Wait()
		remove(folder)
	}
}

// remove removes a folder. The browser's own children may write for a moment
// after it has ended.
func remove(folder string) {
	for range 100 {
		if err := os.RemoveAll(folder); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Prefer makes the tab's user prefer a theme, and no motion.
func Prefer(theme Theme) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: string(theme)}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return none, err
	}
}
