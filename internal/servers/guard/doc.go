// Package guard runs a server as a child that cannot outlive the program that started it.
//
//	program ──(control pipe)──▶ guard ──(direct child)──▶ server ──▶ its own children
//	        ◀──(report pipe)──
//
// The guard is this same executable, started again with an environment variable; Maybe, the first
// line of main, turns such a process into one. It supervises exactly one command and lives in a
// process group of its own, so that Ctrl-C in the terminal reaches the program only, which then stops
// its servers in its own order.
//
// The program holds the writing end of the control pipe. However the program ends, kill -9 included,
// the kernel closes that end; the guard reads EOF, stops the server orderly within its grace, kills
// every process that descends from it, and exits. The guard is a subreaper: a grandchild whose parent
// died (Erlang's port mapper, a PostgreSQL backend) becomes the guard's and is found. Should the guard
// itself be killed, the kernel kills the server (Pdeathsig). macOS has neither; there the server's
// process group is what the guard kills.
package guard
