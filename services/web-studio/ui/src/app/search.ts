/** The query of an address as texts, and nothing but texts: ?q=level:error&since=1h stays readable. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(values: Record<string, unknown>): string {
  const known = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== '');
  // What the API's query language is made of may stand in a query as it is (RFC 3986).
  const text = new URLSearchParams(known.map(([k, v]) => [k, String(v)])).toString().replace(/%3A/g, ':').replace(/%2F/g, '/').replace(/%2C/g, ',');
  return text && `?${text}`;
}
