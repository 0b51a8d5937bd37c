// Package query reads the one language in which people ask for log records, in the API, the command
// line and the UI alike:
//
//	service:catalogs level>=warn user_id=42 "connection refused" trace:4bf9
//	logger:catalogs.store -instance:catalogs-2 (status>=500 OR err=*)
//
// Terms stand side by side and must all hold; OR, parentheses and a leading minus do what one expects.
// A word or a quoted phrase is looked for in the message and the attributes, whatever its case. A known
// field is a column of the log; every other name is an attribute, dots reach into groups. In values of
// text fields and attributes * stands for anything.
//
// The package knows the language alone. What becomes of it in SQL is the store's business.
package query
