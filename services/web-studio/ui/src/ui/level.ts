export type LevelName = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** The named level that a level is one of: DEBUG-4 counts as DEBUG, ERROR+4 as ERROR. */
export function levelRank(level: string): LevelName {
  const [, name = 'INFO', offset = '0'] = /^(DEBUG|INFO|WARN|ERROR)([+-]\d+)?$/.exec(level.toUpperCase()) ?? [];
  const number = { DEBUG: -4, INFO: 0, WARN: 4, ERROR: 8 }[name as LevelName] + Number(offset);
  return number >= 8 ? 'ERROR' : number >= 4 ? 'WARN' : number >= 0 ? 'INFO' : 'DEBUG';
}
