//go:build !linux

package spool

type waits struct{}

// switches is not to be known here.
func switches() waits { return waits{} }
