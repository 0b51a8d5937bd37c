package maintenance

import "github.com/signalbox-mesh/signalbox/maintenance/internal/query"

// Language is the query language of the log in a few lines of help; docs/query.md describes all of it.
const Language = query.Help
