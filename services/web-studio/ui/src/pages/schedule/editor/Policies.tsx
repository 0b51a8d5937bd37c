import { Choice, type FormProps, Text } from './Field';

/** What to do when things do not go as planned. */
export function Policies(props: FormProps) {
  const { draft } = props;
  return (
    <>
      <Choice
        {...props}
        of="misfire"
        label="What was missed"
        options={[
          ['skip', 'is left out'],
          ['once', 'fires once: the newest stands for the others'],
          ['all', 'fires, all of it, oldest first'],
        ]}
      />
      {draft.misfire !== 'skip' && <Text {...props} of="window" label="as far as it is not older than" placeholder="1d" />}
      {draft.misfire === 'all' && <Text {...props} of="catchUp" label="at most so many in a second" placeholder="10" />}
      <Choice
        {...props}
        of="overlap"
        label="The next one, while one has not ended,"
        options={[
          ['allow', 'runs beside it'],
          ['skip', 'is left out'],
          ['buffer-one', 'waits; further ones are left out'],
          ['buffer-all', 'waits, up to 100'],
          ['cancel', 'takes its place: that one is told to end'],
        ]}
      />
      <Choice
        {...props}
        of="inWindow"
        label="In a maintenance window of its service"
        options={[
          ['run', 'it fires'],
          ['skip', 'it is left out'],
          ['hold', 'it is held until the window’s end'],
        ]}
      />
      <Text {...props} of="deadline" label="Deadline of one attempt" placeholder="1m" />
      <Text {...props} of="attempts" label="Attempts" placeholder="5" />
      <Text {...props} of="backoff" label="Before the second attempt" placeholder="1s" help="doubled for each further one, an hour at most" />
      <Choice
        {...props}
        of="doneWhen"
        label="Done when"
        options={[
          ['completed', 'a handler has ended well'],
          ['received', 'a handler has begun'],
          ['published', 'the broker has it'],
        ]}
      />
    </>
  );
}

/** Where it goes, and with what. */
export function Carries(props: FormProps) {
  return (
    <>
      <Choice
        {...props}
        of="target"
        label="Goes"
        options={[
          ['bus', 'over the bus, to its service'],
          ['http', 'by HTTP'],
          ['poll', 'to whoever asks for it'],
        ]}
      />
      {props.draft.target === 'http' && <Text {...props} of="url" label="URL" required placeholder="https://hooks.example/stocktake" help="to a host that the operator of the mesh allows" />}
      <Text {...props} of="payload" label="Payload" lines={6} placeholder="{}" help="JSON" />
    </>
  );
}
