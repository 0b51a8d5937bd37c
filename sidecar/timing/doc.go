// Package timing says when something is due: cron lines, intervals, calendar times and single instants, in a time zone,
// with a start, an end, exclusions and a stable jitter. It is pure: no clock but the time that is given.
//
// # Cron lines
//
// A line has five fields (minute, hour, day of month, month, day of week) or six (a second before them), or is @yearly,
// @annually, @monthly, @weekly, @daily, @midnight or @hourly. A field is a list (1,15) of numbers, ranges (9-17), steps
// (*/5, 10-50/20) and names (jan, mon). Sunday is 0 or 7; ? is * in the day fields. Besides these:
//
//	L      day of month: its last day          L-3    three days before its last day
//	fri#2  day of week: its second Friday      friL   its last Friday (also 5#2, 5L)
//
// Where both day fields are restricted, a day that either names is meant, as cron has always had it.
//
// # The clock
//
// An interval is due at Anchor + n·Every for every whole n; without an anchor it is the Unix epoch: every 15 m is due
// at :00, :15, :30 and :45 UTC, on every replica and after every restart. It follows elapsed time.
//
// A cron line is read in its time zone. When clocks change:
//
//   - A line whose hour field names every hour ("0 * * * *", "*/5 * * * *") follows elapsed time: it is
//     due 23 times on the short day and 25 times on the long one.
//   - Every other line names wall-clock times. One that the change skips is due at the first instant
//     after the gap (where that is another day, in the last second before it); several skipped ones fall
//     together there. One that comes twice is due the first time only. So "30 2 * * *" runs exactly once on every
//     local day.
//
// Calendar times follow the second rule.
//
// # Start, end, exclusions, jitter
//
// Start (inclusive), End (exclusive) and Except speak of the nominal due times, before jitter. Except holds local days,
// ranges of local days (both ends included) and cron lines: a line with five fields leaves out whole minutes, one with
// six the seconds it names. It is compared with the local time that a cron line or a calendar names (02:30 in a gap is
// 02:30, whenever it is due instead), and with the local time of an interval's or a single instant.
//
// Jitter delays every due time by the same number of whole seconds, FNV-1a/64(Seed) mod Jitter: schedules that name the
// same hour spread, and each stays where it is on every leader and after every restart. What is due before End may
// so come after it.
//
// # Bounds
//
// [Timing.Next] looks forty years ahead, takes microseconds for what people write and a few milliseconds for the worst
// that Parse lets through. An interval of which ten thousand times in a row are left out counts as never due.
package timing
