// Package query is the one language in which people ask for log records, in the API, the command line and the UI
// alike; docs/query.md describes it to them:
//
//	service:catalogs level>=warn user_id=42 "connection refused" trace:4bf9
//	logger:catalogs.store -instance:catalogs-2 (status>=500 or err:*) took>=1.5s /ref(used|lected)/
//
// Parse reads it, String writes it down again, and Match is its meaning: what finds records faster must find the same
// ones. For that the package says what can be known of an expression beforehand: Require names conditions that every
// record fulfils that is found, by which blocks are skipped unread; Columns what the expression looks at; Simple
// whether stored counts answer it.
//
// What a stranger may ask is bounded: length, terms, depth, and the size of regular expressions, which is estimated
// before they are compiled.
package query
