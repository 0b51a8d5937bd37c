// Package follow reads a file that somebody else writes, from where it stopped the last time, through rotation,
// truncation and recreation.
//
// The place is kept in a cursor: which file (its inode, and a hash of its beginning, for inodes are used again), and how
// far. It is written after each record that was given out, so that a kill -9 repeats one record at most; what a program
// had written without the end of a line is read again. After a power cut the cursor may be ahead of the spool by what the
// spool loses, 50 ms of records below ERROR.
//
//	                    ┌────── more came ──────┐
//	                    ▼                       │
//	cursor ──▶ find ──▶ read to the end ──▶ look at the path
//	             ▲                              │
//	             ├── renamed, recreated: the rest of this one, those between, the new one
//	             └── truncated: the rest from the copy, if there is one, and from the start
//
// A rotated file is found again under its name and a number or date (shop.log.1, shop.log-20261121), as long as it is not
// compressed. When it is gone with lines that were not read, that is said in a record, for nothing is lost unknowingly.
package follow
