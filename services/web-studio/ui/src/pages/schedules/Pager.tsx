import { Button, Flex } from '@patternfly/react-core';

interface Props {
  /** Of the page that is shown; undefined: the first. */
  cursor?: string;
  /** Of the page after it; undefined: this is the last one. */
  next?: string;
  onGo: (cursor: string) => void;
  /** What the first page is called: "Newest". */
  first: string;
  following: string;
}

/** Pages as the API has them: forward, and back to the first. The browser's way back leads to the one before. */
export function Pager({ cursor, next, onGo, first, following }: Props) {
  if (!cursor && !next) return null;
  return (
    <Flex className="sb-pager" justifyContent={{ default: 'justifyContentCenter' }} gap={{ default: 'gapMd' }}>
      {cursor && (
        <Button variant="secondary" onClick={() => onGo('')}>
          {first}
        </Button>
      )}
      {next && (
        <Button variant="secondary" onClick={() => onGo(next)}>
          {following}
        </Button>
      )}
    </Flex>
  );
}
