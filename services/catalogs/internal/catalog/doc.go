// Package catalog holds the rules of catalogs: what a data type and a record are, which JSON they take,
// and how records are searched. It knows no database and no HTTP.
//
// What an app builder gives is run on everybody's machine, so all of it is bounded: the size, depth and
// numbers of JSON, the work that a schema may cause in a validation (budget.go), the length of a filter.
package catalog
