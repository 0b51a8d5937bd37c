package spool

import "log/slog"

// Class is one lane of the spool: its own segments, its own contiguous sequence. The order is the order
// of worth: when the spool is full, the lowest class is shed first.
type Class uint8

// The classes. Error also holds what is audited.
const (
	Debug Class = iota
	Info
	Warn
	Error
)

// Classes lists all, the lowest first.
var Classes = [...]Class{Debug, Info, Warn, Error}

func (c Class) String() string { return [...]string{"debug", "info", "warn", "error"}[c] }

// ClassOf is the class of a level.
func ClassOf(l slog.Level) Class {
	switch {
	case l >= slog.LevelError:
		return Error
	case l >= slog.LevelWarn:
		return Warn
	case l >= slog.LevelInfo:
		return Info
	}
	return Debug
}
