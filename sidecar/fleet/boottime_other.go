//go:build !linux

package fleet

import "time"

// boottime is not known here: the wall clock decides.
func boottime() (id string, since time.Duration, ok bool) { return "", 0, false }
