import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import { type GraphElement, observer } from '@patternfly/react-topology';
import { type FlowData, useAround } from './Graph';
import { label } from './layout';
import { errorText, type Flow, flowText, latencyText, rateText } from './model';
import { press } from './press';

/** A connection: the more passes, the wider; its figures stand in the middle, what is wrong by icon, colour and word. */
export const FlowShape = observer(function FlowShape({ element }: { element: GraphElement }) {
  const { chosen, near, faults, onChoose } = useAround();
  const data = element.getData() as FlowData | undefined;
  if (!data) return null;
  const { flow, path } = data;
  const fault = faults.has(flow.key);
  const choose = () => onChoose(chosen === flow.key ? {} : { edge: flow.key });
  const faint = near !== undefined && !near.has(flow.key);
  const lines = figures(flow, fault);
  const Icon = flow.state === 'failing' ? ExclamationCircleIcon : ExclamationTriangleIcon;
  return (
    <g
      className={`sb-flow sb-is-${flow.state}${flow.idle ? ' sb-idle' : ''}${chosen === flow.key ? ' sb-chosen' : ''}${faint ? ' sb-faded' : ''}`}
      role="button"
      tabIndex={0}
      aria-pressed={chosen === flow.key}
      aria-label={`${flowText(flow)}${fault ? ', a fault is injected' : ''}`}
      onClick={choose}
      onKeyDown={press(choose)}
    >
      <title>{flowText(flow)}</title>
      <path className="sb-flow-reach" d={path.d} />
      <path className="sb-flow-line" d={path.d} strokeWidth={width(flow.rate)} />
      <polygon className="sb-flow-arrow" points={path.arrow} />
      <g transform={`translate(${path.label.x - label.width / 2}, ${path.label.y - (6 + 13 * lines.length) / 2})`}>
        <rect className="sb-flow-label" width={label.width} height={6 + 13 * lines.length} rx={4} />
        {lines.map(({ text, bad }, i) => (
          <g key={text} transform={`translate(${label.width / 2}, ${13 + 13 * i})`}>
            {bad && (
              <g transform="translate(-42, -10)">
                <Icon width={11} height={11} className="sb-flow-icon" aria-hidden />
              </g>
            )}
            <text className="sb-flow-text" x={bad ? 6 : 0} textAnchor="middle">
              {text}
            </text>
          </g>
        ))}
      </g>
    </g>
  );
});

interface Figure {
  text: string;
  /** It is what is wrong. */
  bad?: boolean;
}

/** Some short lines: how much passes, how much of it fails, how long it takes, and what is done to it. */
export function figures(f: Flow, fault: boolean): Figure[] {
  const failed = errorText(f.errors);
  const bare = (ms: number) => latencyText(ms).replace(' ms', '');
  return [
    { text: rateText(f.rate) },
    ...(failed ? [{ text: `${failed} fail`, bad: f.state !== 'well' }] : []),
    ...(f.open > 0 ? [{ text: 'breaker open', bad: true }] : []),
    ...(f.p99 > 0 ? [{ text: f.p99 >= 1000 ? `${latencyText(f.p50)} / ${latencyText(f.p99)}` : `${bare(f.p50)} / ${latencyText(f.p99)}` }] : []),
    ...(fault ? [{ text: 'fault injected', bad: f.state !== 'well' }] : []),
  ];
}

/** Pixels: a thousand calls per second are four times as wide as one. */
export const width = (rate: number) => Math.min(5, 1.2 + Math.log10(1 + rate));
