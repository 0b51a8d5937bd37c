// Package servicetoken is how one service proves to another who it is, without asking anybody.
//
// Every service has an Ed25519 key of its own (a PEM file that only it can read). The public keys of all
// services lie in the trust bundle, a JWKS file in which a key's kid is the service's name; two keys with
// one kid are a rotation under way. For a call, the caller signs a token of five minutes
//
//	header  {"alg":"EdDSA","kid":"catalogs","typ":"signalbox-service+jwt"}
//	claims  {"iss":"catalogs","sub":"catalogs","aud":"view-service","iat":…,"exp":…}
//
// and the called service verifies it offline against the bundle: it must be for it, and by the service
// that its kid names. The same keys sign messages (control messages on the bus) as compact JWS with a
// type of their own, and grants (the token of targeted debugging) as one of a third, so that none can be passed off as
// another.
package servicetoken
