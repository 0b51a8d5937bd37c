package query

// Services are the names that the query bounds itself to; nil when it does not.
func Services(e Expr) []string { return Require(e).Services }
