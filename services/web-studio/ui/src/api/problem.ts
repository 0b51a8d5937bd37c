/** One input that the API found wrong. */
export interface ProblemField {
  name: string;
  detail: string;
  /** The first wrong character of a text, from 1. */
  position?: number;
  /** The text and, in a second line, a caret under the place. */
  shown?: string;
}

/** The problem document (RFC 9457) that every part of the mesh answers errors with. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  errors?: ProblemField[] | null;
  trace_id?: string;
}

/** What a call to the API throws. Its message is a sentence for people. */
export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    /** HTTP status; 0: the mesh was not reached. */
    readonly status: number,
    /** Stable code to switch on: invalid, not_found, … or unreachable. */
    readonly code: string,
    message: string,
    readonly fields: ProblemField[] = [],
    readonly traceId?: string,
    /** Seconds after which to come again, where the mesh says so. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }

  /** Whether trying the same again later may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Makes the error of an answer; the body is the problem document, if it is one. */
export function toApiError(status: number, body: unknown, headers?: Headers): ApiError {
  const p = isProblem(body) ? body : undefined;
  const retry = Number(headers?.get('Retry-After')) || undefined;
  const code = p?.code ?? (status === 401 ? 'unauthorized' : 'internal');
  return new ApiError(status, code, p?.detail || p?.title || `the mesh answered ${status}`, p?.errors ?? [], p?.trace_id ?? headers?.get('X-Trace-Id') ?? undefined, retry);
}

/** The error of a call that got no answer at all. */
export function unreachable(): ApiError {
  return new ApiError(0, 'unreachable', 'the mesh cannot be reached');
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'status' in body;
}

/** Whatever was thrown, as a sentence with a capital letter and a full stop. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
