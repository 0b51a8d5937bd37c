// Package profile captures profiles of a running instance for leases of kind "profile", and hands them over to
// view-service: CPU, heap, goroutines, blocking, mutexes, and the execution trace, of what comes or of what was before.
//
//	Apply ──claim──▶ capturing ──time is over / lease ends / bound is near──▶ waiting ──upload, tried again──▶ stored
//	   └──▶ refused: the instance captures already, or another one of the process does what only one may do
//
// An instance captures one profile at a time. What is captured goes into a file of bounded size below the state
// directory and is gone from there once it is stored, or cannot be. Profiles are of the whole process, whichever of its
// services was asked.
package profile
