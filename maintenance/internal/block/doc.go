// Package block is how the log lies on disk: some thousand records of one service, of one hour and one class of
// levels, column by column, each in a code of its own. A block is built once (Build) and never changed; small ones, of
// quiet services, are read again and joined later (Join).
//
//	column   what is stored once a block           and once a record
//	ts       the earliest                          µs since then
//	level    the distinct levels                   the number of one
//	logger   the distinct loggers                  the number of one
//	msg      words, and messages that come often   the numbers of some, and 0 for the end
//	trace    the distinct ids                      the number of one
//	span                                           8 bytes
//	attrs    the distinct shapes: JSON in which    the number of one
//	         fields stand in place of values
//	 field   the distinct values, or the least     the number of one, or the difference; or the digits themselves
//
// Numbers are packed with as many bits as the largest of the block needs (Codes). So
//
//	msg  "disk of db-1 is full"     attrs  {"host":"db-1","free":512,"http":{"status":507}}
//
// is, of a block that has had other records before,
//
//	words   "disk " "of " "db-" "1 " "is " "full" → 5 10 18 3 32 27 0
//	shapes  {"host":␚0␚,"free":␚1␚,"http":{"status":␚2␚}} → 3
//	field 0 "host", Words:   "db-0" "db-1" → 1
//	field 1 "free", Numbers: least 64      → 448
//	field 2 "http.status", Words: 200 507  → 1
//
// Everything comes back byte by byte, and PostgreSQL can take it apart in plain SQL: lists are joined by a character
// that does not occur in them, and codes are bit strings, the highest bit first. A value that no better way is found
// for is stored as it came, and so is an object that there is no shape left for: no bound loses anything.
//
// It is also how a question is answered (Matcher): of each distinct value once, then by number, without decoding the
// records. A word is looked for among words; a comparison with a number holds for a range of codes; and a Filter tells
// of most blocks that they need not be read.
//
// The ideas are others': columns coded by dictionaries and packed bits are C-Store's (Stonebraker et al., VLDB 2005) and
// Parquet's; that logs are few shapes with variables in between, and are searched as such, is CLP's (Rodrigues, Luo and
// Yuan, OSDI 2021); the filter is Bloom's (1970).
package block
