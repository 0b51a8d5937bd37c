package api

// Keys that requests to targets of schedules are signed with; none where there is no target http.
type Keys struct {
	Items []Key `json:"items"`
}

// Key is public.
type Key struct {
	Algorithm string `json:"algorithm" enum:"ed25519"`
	Standard  string `json:"standard" doc:"whpk_… as libraries of Standard Webhooks take it"`
	PEM       string `json:"pem" doc:"the same as openssl and others take it"`
}
