import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const key = 'signalbox.theme';
const dark = window.matchMedia?.('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

/** What was chosen in this browser; the system's theme where nothing was. */
export function theme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

/** Puts the theme on the page. To be called before the page is drawn, and whenever the system's changes. */
export function applyTheme() {
  const chosen = theme();
  const isDark = chosen === 'dark' || (chosen === 'system' && (dark?.matches ?? false));
  document.documentElement.classList.toggle('pf-v6-theme-dark', isDark);
  document.documentElement.classList.toggle('sb-light', !isDark);
}

export function setTheme(next: Theme) {
  try {
    if (next === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  } catch {
    // it holds for as long as the page is open
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function watchTheme() {
  applyTheme();
  dark?.addEventListener('change', applyTheme);
  window.addEventListener('storage', (event) => event.key === key && applyTheme());
}

export function useTheme(): [Theme, (next: Theme) => void] {
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return [useSyncExternalStore(subscribe, theme), setTheme];
}
