package query

// Help is the language in a few lines, for whoever has no document at hand: what is asked, two dashes, what it means.
const Help = `  refused  "connection refused"  conn*refused   -- words and phrases, in message and attributes, whatever their case
  /conn(ection)? (refused|reset)/i              -- a regular expression, on the message; i ignores case
  service:catalogs  instance:catalogs-*         -- a column; a star is anything
  level>=warn  -level:debug                     -- levels have an order; a minus negates
  logger:catalogs.store                         -- and the loggers below it
  trace:4bf9  span:00f0                         -- the first digits are enough
  user_id=42  http.status>=500  took>=1.5s      -- any other name is an attribute: a text, a number, a duration
  err:*timeout*  err:/timeout/i  err:*  err!=*  -- contains, matches, is there, is not
  service:(gateway or catalogs)                 -- one of several values
  (timeout or refused) level:error              -- terms side by side must all hold; or, and, NOT, parentheses
  "or"  attr.service=x                          -- quotes take everything as text; attr. means an attribute
`
