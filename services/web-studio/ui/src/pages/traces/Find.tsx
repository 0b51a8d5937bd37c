import { Button, Content, FormHelperText, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { sentence } from '~/api/problem';
import { pasted } from './id';
import { traceOf } from './queries';

/** Goes to the trace that is in whatever somebody pastes, and says where ids are found. */
export function Find() {
  const go = useNavigate();
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);

  async function find(event: FormEvent) {
    event.preventDefault();
    const found = pasted(text);
    if (!found) return setWrong('There is no id in this. A trace’s id has 32 hexadecimal digits, or 16.');
    setBusy(true);
    try {
      const id = found.kind === 'trace' ? found.id : await traceOf(found.id);
      if (id) await go({ to: '/traces/$id', params: { id } as never } as never);
      else setWrong(`The log record ${found.id} is of no trace.`);
    } catch (error) {
      setWrong(sentence(error));
    }
    setBusy(false);
  }

  return (
    <>
      <form className="sb-find" role="search" onSubmit={(event) => void find(event)}>
        <div className="sb-find-field">
          <TextInput
            aria-label="Trace id"
            aria-describedby="find-help"
            placeholder="4bf92f3577b34da6a3ce929d0e0e4736"
            value={text}
            onChange={(_, value) => {
              setText(value);
              setWrong('');
            }}
            validated={wrong ? 'error' : 'default'}
            spellCheck={false}
            autoComplete="off"
          />
          <FormHelperText>
            <HelperText id="find-help" isLiveRegion>
              <HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong || 'An id, a traceparent, a link of Jaeger’s or Zipkin’s, a line of log, or the id of a log record.'}</HelperTextItem>
            </HelperText>
          </FormHelperText>
        </div>
        <Button type="submit" isLoading={busy}>
          Show the trace
        </Button>
      </form>
      <Content component="p" className="sb-find-teach">
        Every answer of the mesh has the id of its trace in the header <code>X-Trace-Id</code>, every error in its <code>trace_id</code>, and every log line that was written for a request. The log lines
        of a trace are kept whether its spans were sampled or not. On the command line: <code>signalbox trace ID</code>.
      </Content>
    </>
  );
}
