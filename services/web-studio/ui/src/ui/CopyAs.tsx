import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';

export interface CopyForm {
  /** What it is copied as: "link", "CLI command", "JSON". */
  name: string;
  text: () => string;
}

interface Props {
  forms: CopyForm[];
  /** The accessible name of the button. */
  label?: string;
  compact?: boolean;
}

/** A menu that copies the same thing in several forms. */
export function CopyAs({ forms, label = 'Copy', compact }: Props) {
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState('');
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} size={compact ? 'sm' : 'default'} variant={compact ? 'plainText' : 'default'}>
            {label}
          </MenuToggle>
        )}
      >
        <DropdownList>
          {forms.map((form) => (
            <DropdownItem
              key={form.name}
              onClick={() =>
                void copy(form.text()).then(
                  () => setSaid(`Copied as ${form.name}.`),
                  () => setSaid('The browser did not let it be copied.'),
                )
              }
            >
              Copy as {form.name}
            </DropdownItem>
          ))}
        </DropdownList>
      </Dropdown>
      <span role="status" className="pf-v6-screen-reader">
        {said}
      </span>
    </>
  );
}

/** Copies; where the clipboard is for https pages alone, by the older way. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'pf-v6-screen-reader';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('the browser did not copy');
}
