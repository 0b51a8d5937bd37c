package query

// ColumnSet is a set of a record's columns.
type ColumnSet uint32

// The columns.
const (
	ReadsTime ColumnSet = 1 << iota
	ReadsLevel
	ReadsService
	ReadsInstance
	ReadsLogger
	ReadsMsg
	ReadsAttrs
	ReadsTrace
	ReadsSpan
	ReadsEpoch
	ReadsClass
	ReadsSeq
	ReadsVersion
	ReadsEnvironment
	ReadsCluster
	ReadsNamespace
	ReadsNode
)

// Columns are those that the expression looks at; Match with a record that has only these says the same.
func Columns(e Expr) ColumnSet {
	switch e := e.(type) {
	case And:
		return columns(e)
	case Or:
		return columns(e)
	case Not:
		return Columns(e.Expr)
	case Text:
		return ReadsMsg | ReadsAttrs
	case Compare:
		return reads(e.Field, e.Kind)
	case Regex:
		return reads(e.Field, e.Kind)
	case Exists:
		return reads(e.Field, e.Kind)
	default:
		return 0
	}
}

// Simple reports whether the expression looks at service and level alone, so that stored counts can answer it.
func Simple(e Expr) bool { return Columns(e)&^(ReadsService|ReadsLevel) == 0 }

func columns(all []Expr) (set ColumnSet) {
	for _, e := range all {
		set |= Columns(e)
	}
	return set
}

func reads(field string, kind Kind) ColumnSet {
	if kind == Attribute {
		return ReadsAttrs
	}
	return map[string]ColumnSet{
		"ts": ReadsTime, "level": ReadsLevel, "service": ReadsService, "instance": ReadsInstance, "logger": ReadsLogger,
		"msg": ReadsMsg, "trace_id": ReadsTrace, "span_id": ReadsSpan, "epoch": ReadsEpoch, "class": ReadsClass,
		"seq": ReadsSeq, "version": ReadsVersion, "environment": ReadsEnvironment, "cluster": ReadsCluster,
		"namespace": ReadsNamespace, "node": ReadsNode,
	}[field]
}
