// Package spool keeps log records on disk until the store has them.
//
// # Layout
//
//	STATE/spool/<service>/<instance>/        Settings.Dir
//	    lock                                 held while a process is this instance
//	    crash-<pid>-<time>.txt               the runtime's last words (CrashOutput)
//	    quarantine/                          records that the store refused, and bytes that were damaged
//	    <epoch>/                             one run
//	        lock                             held by the run, later by its adopter
//	        epoch.json                       who wrote it: the resource of its records
//	        <class>-<sequence>-<ordinal>.seg frames, named by the first
//	        <class>.cursor                   the acknowledged sequence
//	        losses.json                      what was dropped and is not told yet
//	        closed                           the final sequences of a clean stop, and whether the store was told
//
// # Promises
//
// A record whose Append returned survives kill -9: its write(2) is done. Errors and audit records are on
// the disk when Append returns, or 10 ms have passed and that is counted; the others follow within 50 ms.
// Append waits for no network, and below Error for no disk: it makes its write(2), and creates the file when a
// segment begins; syncing, and removing files, is done by others. A segment is deleted when the store has
// acknowledged it and the cursor that says so is on the disk, or when it is shed: if the spool holds its
// limit, the lowest class goes first, its oldest segment as a whole; a tenth of the limit is for errors
// alone. Of what is shed the files are removed in the background, with room for two segments set aside in the limit; while
// that is used up, what is not an error finds the spool full. Only the file of a record larger than that room is removed by
// the caller. A full or failing disk is counted and never an
// error of the caller's; on a full one a record of more worth takes the room of those of less.
//
// A sync that has failed is not simply tried again, as the kernel answers well to the second one without having written
// anything. The segment is ended, and copied from memory into a new file, which takes its place once it is on the disk;
// what was more than 1 MiB since the last sync is read back, and is damage where it is not what it was. Meanwhile, and
// until the copy has failed once, it is not shipped. An error or audit record whose sync has failed is counted as late
// when its caller has waited for 10 ms.
//
// # Damage
//
// costs the frames it touches, and never a start. The bytes go into the quarantine, which is bounded (1000
// files, 16 MiB), with their place and the reason. How many records are gone is known exactly, from the
// ordinals around the damage or from what a clean stop wrote down; only at the torn end of a run that was
// killed a loss counts as one record, and the heartbeats know the rest.
//
// # Losses
//
// Sequences of a class are contiguous: a record that is not kept leaves a hole, which the store sees. It is
// counted by class and reason, and becomes a Loss, which says why. Losses are few: neighbours become one,
// and of more than 128 those near each other; they outlive the process in losses.json. Once the store has
// come to the place (Report), the logging sends a Loss as a record of the logger <service>.logging at WARN,
// one a second at most:
//
//	dropped_instance  whose records they were
//	dropped_epoch     of which run
//	dropped_class     debug, info, warn or error
//	dropped_from      a range of sequences: of these, what the store misses
//	dropped_to        was dropped
//	dropped_reason    full (also what was shed), no_space, io, damaged, rejected or oversized
//	dropped_records   how many
//
// Such a record that is dropped itself is no new cause for one: its Loss comes again with the others.
//
// # Life of an epoch
//
//	.<epoch> --lock, epoch.json, rename--> <epoch> --Seal--> sealed --Close--> closed --+
//	                                          |                |                        |
//	                                       kill -9          kill -9                     v
//	                                          +----------------+----> lock is free --> adopted by a start of this
//	                                                                   service --all acknowledged--> removed
//
// Only what a sealed epoch says of its last sequences is the end of it. A sidecar seals it when everything that may log is
// stopped, and tells the store then: had it said so with its goodbye, what is logged on the way down would be missed by
// nobody where the folder is never seen again.
package spool
