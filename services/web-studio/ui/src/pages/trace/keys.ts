import type { KeyboardEvent } from 'react';
import type { Row } from './tree';

interface Acts {
  rows: Row[];
  /** The key of the row that has the focus; undefined: none had it yet. */
  active?: string;
  show: (key: string) => void;
  toggle: (key: string, open: boolean) => void;
  detail: (key: string) => void;
}

/** The keys of an ARIA treegrid: arrows move, open and close; Home, End; Enter and blank show all of a row, Escape leads back to it. */
export function useTreeKeys({ rows, active, show, toggle, detail }: Acts) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.getAttribute('role') !== 'row') {
      const row = target.closest<HTMLElement>('[role=row]');
      if (event.key === 'Escape' && row) row.focus();
      return;
    }
    const at = Math.max(0, rows.findIndex((r) => r.key === active));
    const row = rows[at];
    if (!row) return;
    const act = acts(rows, at, row)[event.key];
    if (!act) return;
    event.preventDefault();
    act({ show, toggle, detail });
  };
}

type Act = (acts: Pick<Acts, 'show' | 'toggle' | 'detail'>) => void;

/** What each key does in a row. */
export function acts(rows: Row[], at: number, row: Row): Record<string, Act> {
  const go =
    (to: number): Act =>
    ({ show }) => {
      const there = rows[Math.min(rows.length - 1, Math.max(0, to))];
      if (there) show(there.key);
    };
  const above = () => rows.slice(0, at).findLastIndex((r) => r.level < row.level);
  const whole: Act = ({ detail, toggle }) => (row.item.kind === 'loose' ? toggle(row.key, !row.open) : detail(row.key));
  return {
    ArrowDown: go(at + 1),
    ArrowUp: go(at - 1),
    Home: go(0),
    End: go(rows.length - 1),
    PageDown: go(at + 15),
    PageUp: go(at - 15),
    ArrowRight: row.open === false ? ({ toggle }) => toggle(row.key, true) : row.open ? go(at + 1) : () => undefined,
    ArrowLeft: row.open ? ({ toggle }) => toggle(row.key, false) : above() >= 0 ? go(above()) : () => undefined,
    Enter: whole,
    ' ': whole,
  };
}
