// Package mtls is who is at the other end of a connection, by certificates that lie in files.
//
//	TLS_CERT_FILE  this service's certificate, with what lies between it and the CA (PEM)
//	TLS_KEY_FILE   its private key (PEM), which the world may not read
//	TLS_CA_FILE    whom it believes (PEM); several are a rotation under way
//
// A certificate speaks for a service by its SPIFFE id, spiffe://<trust domain>/…/<service>, or, where it has none, by a
// DNS name that is the service's own. Both ends show one and both are looked at: a caller reaches the service that it
// meant, and a called service knows who calls before the first byte of a call. The service token on the call must then
// be the same service's. TLS is 1.3, without resumption: every connection is looked at anew.
//
// The files are looked at when a connection is made, and by the health check, once a second at most. New ones are in
// force from the next connection on; those that are open go on. A new version that cannot be right (half written, a key
// of another certificate, another service's, not by the CA) leaves the last good one in force: that is one line in the
// log, a metric and a degraded check, until it is mended.
//
//	                     changed, right                  changed, wrong
//	Open ──right──▶ good ───────────────▶ good (new)  ─────────────────▶ good (old), Err ──mended──▶ good (new)
//	  └──wrong──▶ error
package mtls
