/** One server-sent event. */
export interface ServerEvent {
  event: string;
  data: string;
  /** The place behind it, as far as the stream names places. */
  id?: string;
}

/** Reads a stream of server-sent events piece by piece; comments are heartbeats and make no event. */
export class EventParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #id?: string;

  /** Takes a piece and returns the events that it completes. */
  push(piece: string): ServerEvent[] {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerEvent[] {
    if (line === '') return this.#flush();
    if (line.startsWith(':')) return [];
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    return [];
  }

  #flush(): ServerEvent[] {
    const whole = this.#data.length > 0 || this.#event !== '';
    const event = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id };
    this.#event = '';
    this.#data = [];
    return whole ? [event] : [];
  }
}
