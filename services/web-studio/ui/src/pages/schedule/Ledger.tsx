import { Button, FormSelect, FormSelectOption, Label, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { Pager } from '~/pages/schedules/Pager';
import { type Reason, reasons, type State, stateNames } from '~/pages/schedules/words';
import { Answered, EmptyTeach } from '~/ui';
import { Fires } from './Fires';
import { type LedgerFilter, useLedger } from './queries';

interface Props {
  name: string;
  filter: LedgerFilter;
  cursor?: string;
  change: (next: Partial<Record<keyof LedgerFilter | 'cursor' | 'fire', string>>) => void;
}

/** Each due time with what became of it, the newest first. */
export function Ledger({ name, filter, cursor, change }: Props) {
  const query = useLedger(name, filter, cursor);
  const narrow = (next: Partial<Record<keyof LedgerFilter, string>>) => change({ ...next, cursor: '' });
  const narrowed = Boolean(filter.state || filter.reason || filter.backfill);
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          <ToolbarItem>
            <FormSelect aria-label="State" value={filter.state ?? ''} onChange={(_, state) => narrow({ state })}>
              <FormSelectOption value="" label="Every state" />
              {(Object.keys(stateNames) as State[]).map((state) => (
                <FormSelectOption key={state} value={state} label={stateNames[state]} />
              ))}
            </FormSelect>
          </ToolbarItem>
          <ToolbarItem>
            <FormSelect aria-label="Reason" value={filter.reason ?? ''} onChange={(_, reason) => narrow({ reason })}>
              <FormSelectOption value="" label="Whatever the reason" />
              {(Object.keys(reasons) as Reason[]).map((reason) => (
                <FormSelectOption key={reason} value={reason} label={`${reason}: ${reasons[reason].short}`} />
              ))}
            </FormSelect>
          </ToolbarItem>
          {filter.backfill && (
            <ToolbarItem alignSelf="center">
              <Label onClose={() => narrow({ backfill: '' })} closeBtnAriaLabel="Of whatever backfill">
                of one backfill
              </Label>
            </ToolbarItem>
          )}
        </ToolbarContent>
      </Toolbar>
      <Answered query={query} what="the fires">
        {({ items, next_cursor }) =>
          (items ?? []).length === 0 ? (
            <EmptyTeach
              small
              title={narrowed ? 'No fire is like that' : 'The ledger has nothing of it'}
              command={`signalbox schedule fires ${name}${filter.reason ? ` --reason ${filter.reason}` : ''}`}
              action={
                narrowed && (
                  <Button variant="secondary" onClick={() => narrow({ state: '', reason: '', backfill: '' })}>
                    Show all
                  </Button>
                )
              }
            >
              Each due time is a row here. It ends in done, or with the reason why not.
            </EmptyTeach>
          ) : (
            <>
              <Fires fires={items ?? []} onOpen={(fire) => change({ fire })} />
              <Pager cursor={cursor} next={next_cursor} onGo={(to) => change({ cursor: to })} first="Newest" following="Older" />
            </>
          )
        }
      </Answered>
    </>
  );
}
