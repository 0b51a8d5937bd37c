import { Alert, ExpandableSection } from '@patternfly/react-core';
import type { Trace } from './tree';
import { sentence } from './words';

/** What of the trace is not there, and why, before what is there. */
export function Lacks({ trace }: { trace: Trace }) {
  const all = trace.missing ?? [];
  if (all.length === 0) return null;
  return (
    <div className="sb-trace-lacks">
      {all.map((m) => {
        const expected = m.reason === 'not_configured' || m.reason === 'sampled_out';
        return (
          <Alert key={`${m.part} ${m.reason} ${m.detail}`} isInline variant={expected ? 'info' : 'warning'} title={sentence(m)} component="p">
            {expected && (trace.records ?? []).length > 0 && <p>Its log lines are below, in order.</p>}
            {m.reason === 'not_configured' && <Configure />}
          </Alert>
        );
      })}
    </div>
  );
}

/** How spans come here. */
function Configure() {
  return (
    <ExpandableSection toggleText="Show spans, too">
      <p>
        On one machine: <code className="sb-command">signalbox up --jaeger</code> starts Jaeger, and sends it every span.
      </p>
      <p>Elsewhere the services send their spans, and view-service is told where they can be read:</p>
      <pre className="sb-shown">{settings}</pre>
    </ExpandableSection>
  );
}

const settings = `SIGNALBOX_TRACE_EXPORTER=otlp
SIGNALBOX_TRACE_ENDPOINT=otlp=http://jaeger:4318
SIGNALBOX_VIEW_SERVICE_TRACE_QUERY=jaeger=http://jaeger:16686    # or zipkin=http://zipkin:9411
SIGNALBOX_VIEW_SERVICE_TRACE_UI=https://jaeger.example/trace/{trace_id}`;
