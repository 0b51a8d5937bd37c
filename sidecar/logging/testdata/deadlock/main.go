// Command deadlock ends as the runtime ends a program in which nothing can go on. It is built without cgo,
// with which the runtime does not notice that.
package main

import (
	"fmt"
	"os"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

func main() {
	if err := spool.CrashOutput(os.Args[1]); err != nil {
		fmt.Println(err)
		return
	}
	waitingForNobody()
}

//go:noinline
func waitingForNobody() { <-make(chan int) }
