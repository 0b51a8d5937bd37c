import { ApiError } from '~/api/problem';
import { type Access, alive, exchange, refresh, signIn, signOut, signOutEverywhere } from './tokens';

/**
 * Where a session stands:
 *
 *   starting ──▶ out ──sign-in──▶ in ──no cookie holds any more──▶ ended ──sign-in──▶ in
 *       └──────────────────────▶ ┘ └──sign-out, here or in another tab──▶ out
 *
 * ended keeps the page as it is, below the sign-in; out takes it away.
 */
export type State = 'starting' | 'out' | 'in' | 'ended';

/** What other tabs are told. Tokens stay in memory: a channel is none of a page's storage. */
type News = { kind: 'access'; access: Access } | { kind: 'out' };

const hint = 'signalbox.session'; // in localStorage: there may be a cookie. It spares a refusal at each first visit

/** One per page. Safe to ask from anywhere; renewals of all tabs happen one at a time. */
export class Session {
  #state: State = 'starting';
  #access?: Access;
  #subject?: string;
  #problem?: unknown;
  #renewing?: Promise<Access>;
  #listeners = new Set<() => void>();
  #channel?: BroadcastChannel;

  constructor() {
    if (typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel('signalbox-session');
    this.#channel.onmessage = (event: MessageEvent<News>) => this.#hear(event.data);
  }

  /** For useSyncExternalStore. */
  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  snapshot = () => this.#state;

  /** Why it is not known yet who is there, or why a sign-in link did not hold. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Finds out who is there: by the code of a sign-in link, else by the cookie. While the mesh does not answer it goes on asking. */
  async start(code?: string): Promise<void> {
    for (;;) {
      try {
        if (code) return void this.#begin(await exchange(code));
        if (stored() === null) return this.#move('out');
        return void (await this.#renew());
      } catch (error) {
        const passing = error instanceof ApiError && error.passing;
        this.#problem = code || passing ? error : undefined;
        if (!passing) return this.#state === 'starting' ? this.#move('out') : undefined;
        this.#tell();
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    this.#begin(await signIn(name, password));
  }

  /** Ends the session here and, as it is theirs too, in the other tabs. */
  async signOut(): Promise<void> {
    await signOut();
    this.#leave();
  }

  async signOutEverywhere(): Promise<void> {
    await signOutEverywhere(await this.token());
    this.#leave();
  }

  /**
   * A token that holds. fresh: the one that there is was refused. When the session has ended it waits for the sign-in that
   * lies over the page then, so that what the page was about to do is done. Throws when nobody is signed in.
   */
  async token(fresh = false): Promise<string> {
    if (!fresh && alive(this.#access)) return this.#access.token;
    const refused = fresh ? this.#access : undefined;
    if (this.#state !== 'ended') {
      try {
        return (await this.#renew(refused)).token;
      } catch (error) {
        if (this.snapshot() !== 'ended') throw error;
      }
    }
    await new Promise<void>((resolve) => {
      const end = this.subscribe(() => {
        end();
        resolve();
      });
    });
    if (!this.#access) throw new ApiError(401, 'unauthorized', 'nobody is signed in');
    return this.#access.token;
  }

  /** One renewal for all who wait for it in this tab, and one tab at a time. */
  #renew(refused?: Access): Promise<Access> {
    this.#renewing ??= exclusive(async () => {
      if (alive(this.#access) && this.#access !== refused) return this.#access; // another tab's came while we waited
      return this.#begin(await refresh());
    })
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 401) this.#end();
        throw error;
      })
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  #begin(access: Access): Access {
    store('1');
    this.#take(access);
    this.#channel?.postMessage({ kind: 'access', access } satisfies News);
    return access;
  }

  /** What the page shows was asked for by one user; another one starts anew. */
  #take(access: Access) {
    const before = this.#subject;
    this.#access = access;
    this.#subject = subject(access.token);
    if (before !== undefined && before !== this.#subject) return location.reload();
    this.#move('in');
  }

  #end() {
    this.#access = undefined;
    store(null);
    this.#move(this.#state === 'in' || this.#state === 'ended' ? 'ended' : 'out');
  }

  #leave() {
    this.#access = this.#subject = undefined;
    store(null);
    this.#channel?.postMessage({ kind: 'out' } satisfies News);
    this.#move('out');
  }

  #hear(news: News) {
    if (news.kind === 'access') {
      this.#take(news.access);
    } else {
      this.#access = this.#subject = undefined;
      this.#move('out');
    }
  }

  #move(state: State) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell();
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Whose token it is. It is not verified here: the mesh does that with each request. */
function subject(token: string): string | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    return JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))).sub;
  } catch {
    return undefined;
  }
}

/** Web Locks are there on https and on this machine; without them identity's leeway for cookies has to do. */
async function exclusive<T>(run: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request('signalbox-session', run) : run();
}

function stored(): string | null {
  try {
    return localStorage.getItem(hint);
  } catch {
    return '1';
  }
}

function store(value: string | null) {
  try {
    if (value === null) localStorage.removeItem(hint);
    else localStorage.setItem(hint, value);
  } catch {
    // a browser that keeps nothing signs in anew at each visit
  }
}

export const session = new Session();
