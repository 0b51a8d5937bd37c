import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import QuestionCircleIcon from '@patternfly/react-icons/dist/esm/icons/question-circle-icon';
import { action, type GraphElement, isNode, observer } from '@patternfly/react-topology';
import { type NodeData, useAround } from './Graph';
import { box } from './layout';
import { nodeText, sizeText, stateOf } from './model';
import { press } from './press';

const icons = { well: CheckCircleIcon, warning: ExclamationTriangleIcon, failing: ExclamationCircleIcon, unknown: QuestionCircleIcon } as const;

/** A node: its name, how it is by icon, colour and word, and how many of it there are. */
export const NodeShape = observer(function NodeShape({ element }: { element: GraphElement }) {
  const { chosen, near, causes, onChoose } = useAround();
  const data = element.getData() as NodeData | undefined;
  if (!data) return null;
  const { node } = data;
  const state = stateOf(node);
  const Icon = icons[state];
  const cause = causes.has(node.name);
  const choose = () => onChoose(chosen === node.name ? {} : { node: node.name });
  const show = action(() => isNode(element) && element.getGraph().panIntoView(element, { offset: 20, minimumVisible: box.width }));
  const faint = near !== undefined && !near.has(node.name);
  return (
    <g
      className={`sb-node sb-is-${state} sb-node-${node.kind}${chosen === node.name ? ' sb-chosen' : ''}${faint ? ' sb-faded' : ''}`}
      role="button"
      tabIndex={0}
      aria-pressed={chosen === node.name}
      aria-label={nodeText(node, cause)}
      onClick={choose}
      onKeyDown={press(choose)}
      onFocus={show}
    >
      <title>{node.name}</title>
      <rect className="sb-node-box" width={box.width} height={box.height} rx={node.kind === 'dependency' ? 20 : 8} />
      <g transform="translate(12, 11)">
        <Icon width={14} height={14} className="sb-node-icon" aria-hidden />
      </g>
      <text className="sb-node-name" x={32} y={23}>
        {cut(node.name, 15)}
      </text>
      <text className="sb-node-more" x={12} y={42}>
        {cause ? 'root cause: ' : ''}
        {state === 'well' ? (node.kind === 'service' ? sizeText(node) : node.health) : node.health}
        {state !== 'well' && !cause && node.kind === 'service' && `, ${sizeText(node)}`}
      </text>
    </g>
  );
});

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
