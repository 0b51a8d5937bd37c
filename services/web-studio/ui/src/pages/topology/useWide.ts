import { useSyncExternalStore } from 'react';

const query = '(min-width: 801px)';

/** Whether the window has room for a drawing. */
export const useWide = () =>
  useSyncExternalStore(
    (told) => {
      const media = matchMedia(query);
      media.addEventListener('change', told);
      return () => media.removeEventListener('change', told);
    },
    () => matchMedia(query).matches,
  );
