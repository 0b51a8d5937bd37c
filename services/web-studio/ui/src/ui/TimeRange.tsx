import { Button, Flex, FormGroup, HelperText, HelperTextItem, MenuToggle, Popover, TextInput } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import { at, clock } from './format';

const presets = [
  ['5m', 'Last 5 minutes'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['6h', 'Last 6 hours'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
] as const;

interface Props {
  /** How long ago it begins (15m, 2h, 7d), or a time (RFC 3339). */
  since: string;
  /** A time (RFC 3339); undefined: now. */
  until?: string;
  onChange: (range: { since: string; until?: string }) => void;
}

/** Chooses a time: how long back from now, or from when to when. */
export function TimeRange({ since, until, onChange }: Props) {
  const id = useId();
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [wrong, setWrong] = useState('');
  const [open, setOpen] = useState(false);
  const show = () => {
    setFrom(relative(since) ? since : at(since));
    setTo(until ? at(until) : '');
    setWrong('');
    setOpen(true);
  };
  const choose = (range: { since: string; until?: string }) => {
    setOpen(false);
    onChange(range);
  };
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const begin = moment(from);
    const end = to.trim() === '' ? undefined : moment(to);
    if (begin === undefined || (to.trim() !== '' && (end === undefined || relative(end)))) return setWrong('A time is written 2026-11-21 13:02 or 13:02, or as how long ago: 90m, 2h, 7d.');
    choose({ since: begin, until: end });
  };
  return (
    <Popover
      isVisible={open}
      shouldOpen={show}
      shouldClose={() => setOpen(false)}
      aria-label="Choose a time"
      position="bottom"
      showClose={false}
      bodyContent={
        <form onSubmit={apply} className="sb-range">
          <Flex direction={{ default: 'column' }} gap={{ default: 'gapXs' }}>
            {presets.map(([value, name]) => (
              <Button key={value} variant={since === value && !until ? 'secondary' : 'link'} size="sm" onClick={() => choose({ since: value })}>
                {name}
              </Button>
            ))}
          </Flex>
          <div>
            <FormGroup label="From" fieldId={`${id}-from`}>
              <TextInput id={`${id}-from`} value={from} onChange={(_, value) => setFrom(value)} placeholder="90m, or 2026-11-21 13:02" />
            </FormGroup>
            <FormGroup label="To" fieldId={`${id}-to`}>
              <TextInput id={`${id}-to`} value={to} onChange={(_, value) => setTo(value)} placeholder="now" />
            </FormGroup>
            {wrong && (
              <HelperText isLiveRegion>
                <HelperTextItem variant="error">{wrong}</HelperTextItem>
              </HelperText>
            )}
            <Button type="submit" size="sm" className="sb-range-apply">
              Apply
            </Button>
          </div>
        </form>
      }
    >
      <MenuToggle aria-label={`Time: ${describe(since, until)}`}>{describe(since, until)}</MenuToggle>
    </Popover>
  );
}

/** A range in words. */
export function describe(since: string, until?: string): string {
  const preset = presets.find(([value]) => value === since);
  if (preset && !until) return preset[1];
  if (relative(since)) return until ? `${since} before ${clock(until, false)}` : `Last ${since}`;
  return `${clock(since, false)} – ${until ? clock(until, false) : 'now'}`;
}

const relative = (text: string) => /^(\d+(ms|s|m|h|d|w))+$/.test(text);

/** What somebody wrote, as the API takes it; undefined: it is no time. */
export function moment(text: string, now = new Date()): string | undefined {
  const t = text.trim();
  if (relative(t)) return t;
  const hours = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(t);
  if (hours) {
    const d = new Date(now);
    d.setHours(Number(hours[1]), Number(hours[2]), Number(hours[3] ?? 0), 0);
    if (d > now) d.setDate(d.getDate() - 1);
    return d.toISOString();
  }
  const d = new Date(/^\d{4}-\d{2}-\d{2}$/.test(t) ? `${t}T00:00` : t.replace(' ', 'T'));
  return Number.isNaN(d.getTime()) ? undefined : d.toISOString();
}
