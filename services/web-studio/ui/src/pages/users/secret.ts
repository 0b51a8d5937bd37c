const letters = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that is taken for another
const groups = 5;
const size = 4;

/** The fewest characters that identity takes. */
export const shortest = 12;

/** A password that nobody has thought of: 99 bits, in groups that can be read out. */
export function makePassword(random: (into: Uint8Array<ArrayBuffer>) => Uint8Array = (into) => crypto.getRandomValues(into)): string {
  const taken: string[] = [];
  while (taken.length < groups * size) {
    for (const byte of random(new Uint8Array(64))) {
      if (byte < letters.length * 8) taken.push(letters[byte % letters.length] as string); // beyond it some would come more often
    }
  }
  return Array.from({ length: groups }, (_, i) => taken.slice(i * size, (i + 1) * size).join('')).join('-');
}

/** What is wrong with a password that was typed; undefined: nothing that is known before identity is asked. */
export function wrongPassword(typed: string, name = ''): string | undefined {
  if ([...typed].length < shortest) return `At least ${shortest} characters.`;
  if (name && typed.toLowerCase().replaceAll(name.toLowerCase(), '') === '') return 'Not the name alone.';
  return undefined;
}
