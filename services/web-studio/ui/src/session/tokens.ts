import { toApiError, unreachable } from '~/api/problem';

const base = '/api/identity/v1/sessions';

/** What identity answers to a sign-in. The refresh token is in a cookie that no script sees. */
export interface Access {
  token: string;
  /** Milliseconds since 1970, by this machine's clock. */
  expires: number;
}

/** How soon before its end a token counts as ended. */
export const spare = 20_000;

export const alive = (a: Access | undefined, now = Date.now()): a is Access => a !== undefined && a.expires - spare > now;

/** Signs in with name and password. */
export const signIn = (name: string, password: string) => open(base, { name, password, cookie: true });

/** Signs in with the one-time code of `signalbox studio`. */
export const exchange = (code: string) => open(`${base}/exchange`, { code, cookie: true });

/** Exchanges the cookie for the next token. keepalive: the cookie of the answer arrives though the page is left. */
export const refresh = () => open(`${base}/refresh`, {});

/** Ends this session. */
export async function signOut(): Promise<void> {
  await call('DELETE', `${base}/current`, {});
}

/** Ends all sessions of the user, this one too. */
export async function signOutEverywhere(token: string): Promise<void> {
  await call('DELETE', base, undefined, token);
}

async function open(path: string, body: object): Promise<Access> {
  const sent = Date.now();
  const answer = await (await call('POST', path, body)).json();
  return { token: answer.access_token, expires: sent + answer.expires_in * 1000 };
}

async function call(method: string, path: string, body?: object, token?: string): Promise<Response> {
  const headers: Record<string, string> = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: 'same-origin', keepalive: true });
  } catch {
    throw unreachable();
  }
  if (!response.ok) throw toApiError(response.status, await response.json().catch(() => undefined), response.headers);
  return response;
}
