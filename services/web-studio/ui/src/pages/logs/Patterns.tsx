import { Button, Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { Answered, count, EmptyTeach, LevelLabel, RelativeTime } from '~/ui';
import { ofTemplate } from './terms';
import type { View } from './url';

/** What is said how often: records by their message template. */
export function Patterns({ view, onShow }: { view: View; onShow: (term: string) => void }) {
  const { q, since, until } = view;
  const query = useQuery({
    queryKey: ['logs', 'patterns', q, since, until],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/logs/patterns', { params: { query: { q, since, until, limit: 200, new_since: until ? undefined : '15m' } }, signal })),
  });
  return (
    <Answered query={query} what="the patterns">
      {({ patterns, others, partial }) =>
        (patterns ?? []).length === 0 ? (
          <EmptyTeach title="No record matches">Make the time longer, or the query wider.</EmptyTeach>
        ) : (
          <div className="sb-patterns">
            <Table aria-label="Patterns" variant="compact" gridBreakPoint="grid-md">
              <Thead>
                <Tr>
                  <Th width={10}>Records</Th>
                  <Th>Pattern</Th>
                  <Th width={15}>Services</Th>
                  <Th width={10}>Levels</Th>
                  <Th width={10}>Last</Th>
                </Tr>
              </Thead>
              <Tbody>
                {(patterns ?? []).map((p) => (
                  <Tr key={p.template}>
                    <Td dataLabel="Records">
                      {count(p.count)} <span className="sb-subtle">{(p.share * 100).toFixed(p.share < 0.01 ? 2 : 0)} %</span>
                    </Td>
                    <Td dataLabel="Pattern">
                      <Button variant="link" isInline onClick={() => onShow(ofTemplate(p.template))} className="sb-template">
                        {p.template}
                      </Button>{' '}
                      {p.new && (
                        <Label isCompact color="purple">
                          new
                        </Label>
                      )}
                    </Td>
                    <Td dataLabel="Services">{(p.services ?? []).join(', ')}</Td>
                    <Td dataLabel="Levels">
                      {Object.keys(p.levels).map((level) => (
                        <LevelLabel key={level} level={level} />
                      ))}
                    </Td>
                    <Td dataLabel="Last">
                      <RelativeTime ts={p.last} />
                    </Td>
                  </Tr>
                ))}
              </Tbody>
            </Table>
            {(others > 0 || partial) && (
              <p className="sb-log-end">
                {others > 0 && `${count(others)} records are of patterns that are not listed. `}
                {partial && 'Time was up before all was looked through.'}
              </p>
            )}
          </div>
        )
      }
    </Answered>
  );
}
