import { Alert, AlertActionCloseButton, Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { bytes, ErrorSentence } from '~/ui';
import { download, type Format } from './download';
import type { View } from './url';

/** Takes every matching record away as a file. */
export function Download({ view }: { view: View }) {
  const [open, setOpen] = useState(false);
  const [size, setSize] = useState<number>();
  const [error, setError] = useState<unknown>();
  const take = async (format: Format) => {
    setError(undefined);
    setSize(0);
    await download(view, format, setSize).catch(setError);
    setSize(undefined);
  };
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} isDisabled={size !== undefined} onClick={() => setOpen(!open)}>
            {size === undefined ? 'Download' : bytes(size)}
          </MenuToggle>
        )}
      >
        <DropdownList>
          <DropdownItem onClick={() => void take('ndjson')}>NDJSON</DropdownItem>
          <DropdownItem onClick={() => void take('csv')}>CSV</DropdownItem>
        </DropdownList>
      </Dropdown>
      {error !== undefined && (
        <div className="sb-toast">
          <ErrorSentence error={error} what="The records were not downloaded" />
          <Alert isInline isPlain variant="info" title="Nothing was kept of it." actionClose={<AlertActionCloseButton onClose={() => setError(undefined)} />} />
        </div>
      )}
    </>
  );
}
