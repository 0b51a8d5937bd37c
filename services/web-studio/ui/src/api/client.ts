import createClient from 'openapi-fetch';
import { session } from '~/session/session';
import { toApiError, unreachable } from './problem';
import type { components, paths } from './schema';

/** A type of the API by the name that it has in docs/openapi.json: Schema<'view-service.Record'>. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

/**
 * fetch with the caller's token. A token that ran out is exchanged for the next one and the request sent once more; when
 * there is none any more, the session says so, and the sign-in comes over the page.
 */
export async function authorized(request: Request): Promise<Response> {
  const again = request.clone();
  const first = await send(request, await session.token());
  if (first.status !== 401) return first;
  return send(again, await session.token(true));
}

async function send(request: Request, token: string): Promise<Response> {
  request.headers.set('Authorization', `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable();
  }
}

/** The API with its types. Use it through `ask`, which throws ApiError for what is no success. */
export const api = createClient<paths>({ baseUrl: '/', fetch: authorized });

/** The data of an answer: `await ask(api.GET('/api/maintenance/v1/causes'))`. Throws ApiError. */
export async function ask<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw toApiError(response.status, error, response.headers);
  return data as T;
}
