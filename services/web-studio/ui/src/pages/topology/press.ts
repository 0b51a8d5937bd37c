import type { KeyboardEvent } from 'react';

/** Enter and blank do what a click does, in what is drawn as well. */
export const press = (act: () => void) => (event: KeyboardEvent) => {
  if (event.key !== 'Enter' && event.key !== ' ') return;
  event.preventDefault();
  act();
};
