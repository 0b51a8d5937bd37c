//go:build !linux

package spool

// Sync makes the file's data durable.
func (f osFile) Sync() error { return f.File.Sync() }
