package foreign

import (
	"log/slog"
	"strings"
)

// levelOf reads a level's name in any spelling that is known. exact: ours says as much.
func levelOf(word string) (l slog.Level, exact, ok bool) {
	if len(word) > 13 {
		return 0, false, false
	}
	switch strings.ToLower(word) {
	case "debug":
		return slog.LevelDebug, true, true
	case "info":
		return slog.LevelInfo, true, true
	case "warn", "warning":
		return slog.LevelWarn, true, true
	case "error":
		return slog.LevelError, true, true
	case "trace":
		return LevelTrace, true, true
	case "fatal":
		return LevelFatal, true, true
	case "notice":
		return slog.LevelInfo + 2, true, true
	case "dbg", "deb", "debug1", "debug2", "debug3", "debug4", "debug5", "fine", "config", "debu":
		return slog.LevelDebug, false, true
	case "trc", "verbose", "finer", "finest", "trac":
		return LevelTrace, false, true
	case "inf", "information", "informational", "log", "default":
		return slog.LevelInfo, false, true
	case "wrn", "warni":
		return slog.LevelWarn, false, true
	case "err", "severe", "erro", "eror":
		return slog.LevelError, false, true
	case "ftl", "crit", "critical", "panic", "dpanic", "alert", "emerg", "emergency", "fata", "pani":
		return LevelFatal, false, true
	}
	return slogLevel(word)
}

// slogLevel reads slog's steps between the names: INFO+2.
func slogLevel(word string) (l slog.Level, exact, ok bool) {
	if !strings.ContainsAny(word, "+-") || l.UnmarshalText([]byte(word)) != nil {
		return 0, false, false
	}
	return l, true, true
}

// level takes the name of a level, and keeps it where ours says less.
func (r *Record) level(word string) bool {
	l, exact, ok := levelOf(word)
	if !ok {
		return false
	}
	r.Level, r.leveled, r.levelText = l, true, word
	if !exact {
		r.text(KeySeverity, word)
	}
	return true
}

// syslogLevels by severity, 0 (emergency) to 7 (debug).
func syslogLevel(severity int) slog.Level {
	return [...]slog.Level{LevelFatal, LevelFatal, LevelFatal, slog.LevelError, slog.LevelWarn, slog.LevelInfo + 2, slog.LevelInfo, slog.LevelDebug}[severity&7]
}

// numberLevel reads bunyan's and pino's numbers (10 trace … 60 fatal), and below 8 syslog's, as GELF has them.
func numberLevel(n float64) (slog.Level, bool) {
	switch {
	case n != n || n < 0 || n > 100:
		return 0, false
	case n < 8:
		return syslogLevel(int(n)), true
	case n < 20:
		return LevelTrace, true
	case n < 30:
		return slog.LevelDebug, true
	case n < 40:
		return slog.LevelInfo, true
	case n < 50:
		return slog.LevelWarn, true
	case n < 60:
		return slog.LevelError, true
	}
	return LevelFatal, true
}

// shouted finds the level of a plain line: a name in capitals among the first words, alone, in brackets or before a colon.
func shouted(text string) (word string, ok bool) {
	const words = 6
	for range words {
		text = strings.TrimLeft(text, " \t-|:")
		end := strings.IndexAny(text, " \t|")
		if end < 0 {
			end = len(text)
		}
		if w, ok := levelWord(text[:end]); ok {
			return w, true
		}
		text = text[end:]
	}
	return "", false
}

// levelWord is the level in a word like "[INFO]", "WARNING:" or "ERROR:root:text"; "[info]" counts too, "info" does not.
func levelWord(w string) (string, bool) {
	if w == "" || w[0] >= 'a' && w[0] <= 'z' {
		return "", false
	}
	bracketed := strings.HasPrefix(w, "[") || strings.HasPrefix(w, "<") || strings.HasPrefix(w, "(")
	w = strings.TrimLeft(w, "[<(")
	if end := strings.IndexAny(w, "]>):,"); end >= 0 {
		w = w[:end]
	}
	if len(w) < 3 || !bracketed && strings.ToUpper(w) != w || strings.ContainsAny(w, "+-") {
		return "", false
	}
	if w == "LOG" || w == "CONFIG" || w == "DEFAULT" || w == "FINE" {
		return "", false // words of every day
	}
	_, _, ok := levelOf(w)
	return w, ok
}

// announced is the level of a line like "error: no such file", "fatal: not a repository" or "TypeError: x is undefined".
func announced(text string) (slog.Level, bool) {
	head, _, ok := strings.Cut(text, ": ")
	if !ok || len(head) > 40 || strings.ContainsRune(head, ' ') {
		return 0, false
	}
	if strings.HasSuffix(head, "Error") || strings.HasSuffix(head, "Exception") {
		return slog.LevelError, true
	}
	switch strings.ToLower(head) {
	case "error", "err", "fatal", "warning", "warn", "panic":
		l, _, ok := levelOf(head)
		return l, ok
	}
	return 0, false
}
