import { useEffect, useRef, useState } from 'react';

/**
 * The text of a field whose value is kept in the address: [text, type]. What is typed stands at once, and is told after so
 * many milliseconds without a key; the address comes back with it a moment later, when more may have been typed. What the
 * address has from elsewhere, as after the way back, takes the text's place.
 */
export function useTyped(value: string, change: (text: string) => void, patience = 0): [text: string, type: (text: string) => void] {
  const [text, setText] = useState(value);
  const known = useRef(value);
  const told = useRef<string[]>([]); // and not come back yet
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (value !== known.current && value !== text) {
      const at = told.current.indexOf(value);
      if (at < 0) {
        clearTimeout(timer.current);
        setText(value);
      }
      told.current = at < 0 ? [] : told.current.slice(at + 1);
    } else if (value === text) told.current = [];
    known.current = value;
  }, [value, text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next: string) => {
    told.current.push(next);
    change(next);
  };
  const type = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    if (patience > 0) timer.current = setTimeout(() => tell(next), patience);
    else tell(next);
  };
  return [text, type];
}
