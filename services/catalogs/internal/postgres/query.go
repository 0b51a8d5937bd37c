package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
)

// Placed is a record with its place in the order it was listed by.
type Placed struct {
	catalog.Record
	Position catalog.Position
}

// List answers a query, in its order, up to its limit. A type that is not there is an error.
func (s *Store) List(ctx context.Context, q catalog.Query) ([]Placed, error) {
	sql, args := compile(q)
	all, err := rows(ctx, s, scanPlaced, sql, args...)
	if err != nil || len(all) > 0 {
		return all, err
	}
	_, err = s.Type(ctx, q.Type)
	return nil, err
}

func scanPlaced(row pgx.CollectableRow) (p Placed, err error) {
	err = row.Scan(append(fields(&p.Record), &p.Position.Key)...)
	p.Position.ID = p.ID
	return p, err
}

// statement is SQL in the making. Whatever a client has sent goes into args; the text is ours alone.
type statement struct {
	where []string
	args  []any
}

// arg adds a value and returns its placeholder with a cast.
func (b *statement) arg(v any, cast string) string {
	b.args = append(b.args, v)
	return fmt.Sprintf("$%d::%s", len(b.args), cast)
}

func (b *statement) and(condition string) { b.where = append(b.where, condition) }

func compile(q catalog.Query) (sql string, args []any) {
	b := &statement{}
	b.and("type = " + b.arg(q.Type, "text"))
	for _, c := range q.Filter {
		b.and(b.condition(c))
	}
	key, cast := b.sortKey(q.Order.Field)
	compare, direction := ">", "ASC"
	if q.Order.Desc {
		compare, direction = "<", "DESC"
	}
	if q.After != nil {
		b.and(fmt.Sprintf("(%s, id) %s (%s, %s)", key, compare, b.arg(keyArg(q), cast), b.arg(q.After.ID, "uuid")))
	}
	return fmt.Sprintf("SELECT %s, to_jsonb(%s) FROM records WHERE %s ORDER BY %s %s, id %s LIMIT %s",
		recordColumns, key, strings.Join(b.where, " AND "), key, direction, direction, b.arg(q.Limit, "bigint")), b.args
}

// sortKey is the expression of an order and the type of its values.
func (b *statement) sortKey(f catalog.Field) (expression, cast string) {
	if f.Attribute != "" {
		return column(f.Attribute)
	}
	return "sort_key(data, " + b.arg(f.Path, "text[]") + ")", "jsonb"
}

// keyArg is the position's key as its type wants it: an attribute's is a JSON text.
func keyArg(q catalog.Query) any {
	if q.Order.Field.Attribute == "" {
		return string(q.After.Key)
	}
	return catalog.Condition{Value: q.After.Key}.Text()
}

func column(a catalog.Attribute) (name, cast string) {
	switch a {
	case catalog.CreatedAt:
		return "created_at", "timestamptz"
	case catalog.UpdatedAt:
		return "updated_at", "timestamptz"
	case catalog.CreatedBy:
		return "created_by", "text"
	case catalog.UpdatedBy:
		return "updated_by", "text"
	default:
		return "id", "uuid"
	}
}

func (b *statement) condition(c catalog.Condition) string {
	if c.Field.Attribute != "" {
		return b.attribute(c)
	}
	if c.Operator == catalog.Equal && !c.IsNull() {
		return "data @> " + b.arg(nested(c.Field.Path, c.Value), "jsonb") // the one that the index answers
	}
	path := b.arg(c.Field.Path, "text[]")
	switch {
	case c.IsNull():
		return fmt.Sprintf("coalesce(data #> %s, 'null') %s 'null'", path, operator(c.Operator))
	case c.Operator == catalog.NotEqual:
		return fmt.Sprintf("data #> %s IS DISTINCT FROM %s", path, b.arg(string(c.Value), "jsonb"))
	case c.Operator == catalog.BeginsWith:
		return fmt.Sprintf("(jsonb_typeof(data #> %s) = 'string' AND starts_with(data #>> %s, %s))", path, path, b.arg(c.Text(), "text"))
	default:
		v := b.arg(string(c.Value), "jsonb")
		return fmt.Sprintf("(jsonb_typeof(data #> %s) = jsonb_typeof(%s) AND data #> %s %s %s)", path, v, path, operator(c.Operator), v)
	}
}

func (b *statement) attribute(c catalog.Condition) string {
	name, cast := column(c.Field.Attribute)
	if c.Operator == catalog.BeginsWith {
		return fmt.Sprintf("starts_with(%s, %s)", name, b.arg(c.Text(), "text"))
	}
	return name + " " + operator(c.Operator) + " " + b.arg(c.Text(), cast)
}

// operator of SQL; the set is closed.
func operator(op catalog.Operator) string {
	switch op {
	case catalog.NotEqual:
		return "<>"
	case catalog.Less, catalog.LessEqual, catalog.Greater, catalog.GreaterEqual:
		return string(op)
	default:
		return "="
	}
}

// nested is the object in which path leads to value.
func nested(path []string, value json.RawMessage) string {
	var b strings.Builder
	for _, name := range path {
		key, _ := json.Marshal(name) // a string: it cannot fail
		b.WriteString("{" + string(key) + ":")
	}
	b.Write(value)
	b.WriteString(strings.Repeat("}", len(path)))
	return b.String()
}
