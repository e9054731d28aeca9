package process

import (
	"io"
	"log/slog"
	"os"

	"github.com/venta-hq/venta/gateway/telemetry/jsonlog"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// processLog is the log of a process. Its level follows the configuration.
type processLog struct {
	*slog.Logger
	to    io.Writer
	level slog.LevelVar
	lines io.Closer // what batches lines
}

// newProcessLog logs as a process does that is not configured.
func newProcessLog(to io.Writer) *processLog {
	l := &processLog{to: to}
	l.format(configv1.Logging_FORMAT_AUTO)
	return l
}

// configure logs from now on as configured. Loggers that were taken before that
// go on as they were.
func (l *processLog) configure(cfg *configv1.Logging) error {
	err := l.Close()
	l.setLevel(cfg.GetLevel())
	l.format(cfg.GetFormat())
	return err
}

// format makes the logger: text for a terminal, where somebody reads along, and
// batched lines of JSON for everything else, unless the format says so.
func (l *processLog) format(format configv1.Logging_Format) {
	if format == configv1.Logging_FORMAT_AUTO {
		format = configv1.Logging_FORMAT_JSON
		if isTerminal(l.to) {
			format = configv1.Logging_FORMAT_TEXT
		}
	}
	if format == configv1.Logging_FORMAT_TEXT {
		l.lines = io.NopCloser(nil)
		l.Logger = slog.New(slog.NewTextHandler(l.to, &slog.HandlerOptions{Level: &l.level}))
		return
	}
	lines := jsonlog.New(l.to, jsonlog.Options{Level: &l.level})
	l.lines = lines
	l.Logger = slog.New(lines)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (l *processLog) setLevel(level configv1.Logging_Level) {
	switch level {
	case configv1.Logging_LEVEL_DEBUG:
		l.level.Set(slog.LevelDebug)
	case configv1.Logging_LEVEL_WARN:
		l.level.Set(slog.LevelWarn)
	case configv1.Logging_LEVEL_ERROR:
		l.level.Set(slog.LevelError)
	default:
		l.level.Set(slog.LevelInfo)
	}
}

// Close writes the lines that wait.
func (l *processLog) Close() error { return l.lines.Close() }
