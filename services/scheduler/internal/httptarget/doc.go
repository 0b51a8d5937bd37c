// Package httptarget takes fires of target http from the bus and sends each as a signed request; the answer is its receipt.
//
// The request is a POST with the fire as JSON, signed as the Standard Webhooks specification says (v1a, Ed25519), its
// webhook-id the fire's, so the same for all attempts. 2xx is completed, everything else failed; 410 finally. Delivery is
// at least once.
//
// A schedule's URL is text that somebody wrote, so a request leaves only where the operator's setting lets it, and that is
// looked at twice: the name and port when the schedule is saved and before each request, and the address when it is dialled,
// whatever the name resolved to by then. Redirects are not followed, no proxy of the environment is used, and what is read
// of an answer is bounded.
package httptarget
