import { useEffect, useState } from 'react';

const patience = 300; // milliseconds after the last key until the mesh is asked

/** The value as it was when nobody had changed it for a while. */
export function useSettled<T>(value: T): T {
  const text = JSON.stringify(value);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), patience);
    return () => clearTimeout(timer);
  }, [text]);
  return settled === undefined ? (undefined as T) : (JSON.parse(settled) as T);
}
