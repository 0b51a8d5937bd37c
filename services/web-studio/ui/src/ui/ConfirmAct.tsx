import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { ErrorSentence } from './ErrorSentence';

export interface ConfirmActProps {
  /** The act as a question or a command: "Stop catalogs-1?" */
  title: string;
  /** What it will do, to whom, and whether it can be taken back. */
  children: ReactNode;
  /** The verb on the button: "Stop it". */
  verb: string;
  /** The text that has to be typed before the button works, for what cannot be taken back. */
  type?: string;
  danger?: boolean;
  /** Does it; when it throws, the reason is shown and the dialog stays. */
  act: () => Promise<void>;
  onClose: () => void;
}

/** Asks before an act, with what it will do. Mount it while it is asked. */
export function ConfirmAct({ title, children, verb, type, danger = true, act, onClose }: ConfirmActProps) {
  const id = useId();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const ready = !busy && (type === undefined || typed === type);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!ready) return;
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  return (
    <Modal isOpen variant="small" aria-labelledby={`${id}-title`} aria-describedby={`${id}-body`} onClose={onClose}>
      <ModalHeader title={title} labelId={`${id}-title`} titleIconVariant={danger ? 'warning' : undefined} />
      <ModalBody id={`${id}-body`}>
        <Form id={`${id}-form`} onSubmit={submit}>
          <div>{children}</div>
          {type !== undefined && (
            <FormGroup label={`Type ${type} to go on`} fieldId={`${id}-typed`}>
              <TextInput id={`${id}-typed`} value={typed} onChange={(_, value) => setTyped(value)} autoComplete="off" />
            </FormGroup>
          )}
          {error !== undefined && <ErrorSentence error={error} what="It was not done" />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} variant={danger ? 'danger' : 'primary'} isDisabled={!ready} isLoading={busy}>
          {verb}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
