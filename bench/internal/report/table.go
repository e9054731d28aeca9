package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

var columns = []string{
	"load", "subject", "req/s", "× bare", "p50 ms", "p99 ms", "CPU µs/req", "× bare", "allocs/req", "peak RSS MB", "spread",
}

// leftAligned is how many columns, from the first, hold text.
const leftAligned = 2

// Table returns the lines as a Markdown table that also reads well as text.
func Table(lines []Line) string {
	var rows [][]string
	for i, l := range lines {
		cells := l.cells()
		if i > 0 && lines[i-1].Row == l.Row {
			cells[0] = ""
		}
		rows = append(rows, cells)
	}
	return aligned(columns, rows)
}

func aligned(columns []string, rows [][]string) string {
	rows = append([][]string{columns}, rows...)
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for i, row := range rows {
		writeRow(&b, row, widths)
		if i == 0 {
			writeRule(&b, widths)
		}
	}
	return b.String()
}

func (l Line) cells() []string {
	return []string{
		l.Row, l.Subject,
		fmt.Sprintf("%.0f", l.RequestsPerSecond), fmt.Sprintf("%.2f", l.SpeedRatio),
		milliseconds(l.P50), milliseconds(l.P99),
		fmt.Sprintf("%.1f", float64(l.CPU)/float64(time.Microsecond)), fmt.Sprintf("%.2f", l.CPURatio),
		fmt.Sprintf("%.0f", l.Allocations),
		fmt.Sprintf("%.0f", float64(l.PeakRSS)/(1<<20)),
		fmt.Sprintf("±%.0f %%", 100*l.Spread),
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func writeRow(b *strings.Builder, cells []string, widths []int) {
	for i, cell := range cells {
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < leftAligned {
			cell, padding = cell+padding, ""
		}
		b.WriteString("| " + padding + cell + " ")
	}
	b.WriteString("|\n")
}

func writeRule(b *strings.Builder, widths []int) {
	for i, width := range widths {
		end := "-"
		if i >= leftAligned {
			end = ":"
		}
		b.WriteString("|" + strings.Repeat("-", width+1) + end)
	}
	b.WriteString("|\n")
}
