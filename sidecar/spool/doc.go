// Package spool keeps log records on disk until the store has them.
//
// # Layout
//
//	STATE/spool/<service>/<instance>/        Settings.Dir
//	    lock                                 held while a process is this instance
//	    crash-<pid>-<time>.txt               the runtime's last words (CrashOutput)
//	    quarantine/                          records that the store refused
//	    <epoch>/                             one run
//	        lock                             held by the run, later by its adopter
//	        epoch.json                       who wrote it: the resource of its records
//	        <class>-<first sequence>.seg     frames
//	        <class>.cursor                   the acknowledged sequence
//	        closed                           the final sequences of a clean stop
//
// # Promises
//
// A record whose Append returned survives kill -9: its write(2) is done. Errors and audit records are on
// the disk when Append returns, or 10 ms have passed and that is counted; the others follow within 50 ms.
// Sequences of a class are contiguous: a record that is not kept leaves a hole, counted by reason. Append
// waits for no network, and below Error for no disk. A segment is deleted when the store has acknowledged
// it and the cursor that says so is on the disk, or when it is shed: if the spool holds its limit, the
// lowest class goes first, its oldest segment as a whole; a tenth of the limit is for errors alone. A full
// or failing disk is counted and never an error of the caller's; damage costs the frames it touches.
//
// # Life of an epoch
//
//	.<epoch> --lock, epoch.json, rename--> <epoch> --Close--> closed --+
//	                                          |                        |
//	                                       kill -9                     v
//	                                          +----> lock is free --> adopted by a start of this service
//	                                                                   --all acknowledged--> removed
package spool
