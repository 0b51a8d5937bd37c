import { Divider, Dropdown, DropdownItem, DropdownList, FormGroup, MenuToggle, Modal, ModalBody, ModalHeader, TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { ActButton, Answered, ConfirmAct, EmptyTeach } from '~/ui';
import { type Saved, toKeep, toShow, useSaved, useSavedActs } from './saved';
import type { View } from './url';

interface Props {
  view: View;
  onOpen: (view: Pick<View, 'q' | 'since' | 'until'>) => void;
}

/** The searches that somebody saved for himself: opened, kept, taken away. */
export function SavedSearches({ view, onOpen }: Props) {
  const [open, setOpen] = useState(false);
  const [doing, setDoing] = useState<'save' | 'list'>();
  const query = useSaved(open || doing !== undefined);
  const show = (one: Saved) => {
    setDoing(undefined);
    onOpen({ q: one.query, since: toShow(one.since), until: undefined });
  };
  const all = query.data ?? [];
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        isScrollable
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
            Saved
          </MenuToggle>
        )}
      >
        <DropdownList>
          {all.slice(0, 20).map((one) => (
            <DropdownItem key={one.id} description={one.query || 'everything'} onClick={() => show(one)}>
              {one.name}
            </DropdownItem>
          ))}
          {all.length > 0 && <Divider component="li" />}
          <DropdownItem onClick={() => setDoing('save')}>Save this search…</DropdownItem>
          <DropdownItem onClick={() => setDoing('list')}>All saved searches…</DropdownItem>
        </DropdownList>
      </Dropdown>
      {doing === 'save' && <Save view={view} onClose={() => setDoing(undefined)} />}
      {doing === 'list' && (
        <Modal isOpen variant="medium" aria-labelledby="saved-title" onClose={() => setDoing(undefined)}>
          <ModalHeader labelId="saved-title" title="Saved searches" description="They are yours alone." />
          <ModalBody tabIndex={0} aria-label="Saved searches">
            <Answered query={query} what="the saved searches">
              {(saved) => <List saved={saved} onOpen={show} />}
            </Answered>
          </ModalBody>
        </Modal>
      )}
    </>
  );
}

function Save({ view, onClose }: { view: View; onClose: () => void }) {
  const id = useId();
  const { save } = useSavedActs();
  const [name, setName] = useState('');
  return (
    <ConfirmAct title="Save this search" verb="Save it" danger={false} act={() => save(name.trim(), view)} onClose={onClose}>
      <FormGroup label="Name" fieldId={id} isRequired>
        <TextInput id={id} value={name} onChange={(_, value) => setName(value)} maxLength={100} autoComplete="off" isRequired autoFocus />
      </FormGroup>
      <p className="sb-saved">
        Kept is <code>{view.q || 'everything'}</code>
        {toKeep(view) ? `, of the last ${view.since}.` : ', without its time: that is over once.'}
      </p>
    </ConfirmAct>
  );
}

function List({ saved, onOpen }: { saved: Saved[]; onOpen: (one: Saved) => void }) {
  const [removing, setRemoving] = useState<Saved>();
  const { remove } = useSavedActs();
  if (saved.length === 0) {
    return (
      <EmptyTeach small title="None is saved yet">
        A search that is made often gets a name with “Save this search…”, and is opened with one click.
      </EmptyTeach>
    );
  }
  return (
    <>
      <ul className="sb-saved-list">
        {saved.map((one) => (
          <li key={one.id} className="sb-row">
            <span>
              <ActButton needs="viewer" variant="link" isInline onClick={() => onOpen(one)}>
                {one.name}
              </ActButton>{' '}
              <code>{one.query || 'everything'}</code> <span className="sb-subtle">{one.since && `of the last ${toShow(one.since)}`}</span>
            </span>
            <ActButton needs="viewer" variant="link" isDanger size="sm" onClick={() => setRemoving(one)} aria-label={`Delete ${one.name}`}>
              Delete…
            </ActButton>
          </li>
        ))}
      </ul>
      {removing && (
        <ConfirmAct title={`Delete ${removing.name}?`} verb="Delete it" act={() => remove(removing.id)} onClose={() => setRemoving(undefined)}>
          The saved search goes; the records that it finds stay.
        </ConfirmAct>
      )}
    </>
  );
}
