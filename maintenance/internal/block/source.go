package block

// text of a column that a part shares.
func (s *Source) text(field string) string {
	switch field {
	case "instance":
		return s.Instance
	case "epoch":
		return s.Epoch
	case "class":
		return s.Class
	case "version":
		return s.Version
	case "environment":
		return s.Environment
	case "cluster":
		return s.Cluster
	case "namespace":
		return s.Namespace
	case "node":
		return s.Node
	default:
		return ""
	}
}
