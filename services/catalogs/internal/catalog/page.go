package catalog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
	MaxPage      = 4096 // bytes of a page token
)

// Query selects records of a type.
type Query struct {
	Type   string
	Filter Filter
	Order  Order
	Limit  int
	After  *Position // nil: from the beginning
}

// Position is a record's place in an order: the JSON of its sort key, and its id.
type Position struct {
	Key json.RawMessage `json:"k"`
	ID  string          `json:"i"`
}

// token is what a page parameter holds. Query binds it to its list, so that a token of one list is
// refused by another instead of answering nonsense.
type token struct {
	Position
	Query string `json:"q"`
}

// ParseQuery reads a list's parameters.
func ParseQuery(typ, filter, order string, limit int, page string) (q Query, err error) {
	q = Query{Type: typ, Limit: limit}
	if q.Filter, err = ParseFilter(filter); err != nil {
		return q, err
	}
	if q.Order, err = ParseOrder(order); err != nil {
		return q, err
	}
	if limit < 1 || limit > MaxLimit {
		return q, invalid("limit", fmt.Sprintf("must be between 1 and %d", MaxLimit))
	}
	if page != "" {
		q.After, err = q.parsePage(page)
	}
	return q, err
}

// Page is the token of the page that follows a position. It holds nothing that its reader has not seen,
// and is checked when it comes back, so it needs no signature.
func (q Query) Page(p Position) (string, error) {
	text, err := json.Marshal(token{Position: p, Query: q.fingerprint()})
	if err != nil {
		return "", fmt.Errorf("encode the page token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

func (q Query) parsePage(page string) (*Position, error) {
	bad := invalid("page", "must be next of the page before, with the same filter and order")
	text, err := base64.RawURLEncoding.DecodeString(page)
	if err != nil || len(page) > MaxPage {
		return nil, bad
	}
	var t token
	if json.Unmarshal(text, &t) != nil || t.Query != q.fingerprint() {
		return nil, bad
	}
	id, err := uuid.Parse(t.ID)
	if err != nil {
		return nil, bad
	}
	t.ID = id.String()
	if !isSortKey(t.Key) {
		return nil, bad
	}
	return q.position(t.Position, bad)
}

// isSortKey accepts a JSON scalar that PostgreSQL accepts too. Its numbers may be longer than a client's:
// PostgreSQL writes 1e300 out.
func isSortKey(key json.RawMessage) bool {
	if len(key) == 0 || key[0] == '{' || key[0] == '[' {
		return false
	}
	var t string
	return kindOf(key) != text || json.Unmarshal(key, &t) == nil && checkText(t) == nil
}

// position checks the key against the kind of the order's attribute.
func (q Query) position(p Position, bad error) (*Position, error) {
	if a := q.Order.Field.Attribute; a != "" {
		c := Condition{Field: q.Order.Field, Operator: Greater, Value: p.Key}
		if kindOf(p.Key) != text || c.checkAttribute(text) != nil {
			return nil, bad
		}
	}
	return &p, nil
}

func (q Query) fingerprint() string {
	text, _ := json.Marshal(struct { // plain values: it cannot fail
		Type   string
		Filter Filter
		Order  Order
	}{q.Type, q.Filter, q.Order})
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
