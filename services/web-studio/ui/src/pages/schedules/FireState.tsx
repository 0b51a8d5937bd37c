import { Label, type LabelProps } from '@patternfly/react-core';
import { shapes } from './shapes';
import { type Fire, type Kind, kind, stateNames, stateText } from './words';

const colors: Record<Kind, LabelProps['color']> = { done: 'green', failed: 'red', skipped: 'yellow', running: 'blue', waiting: 'grey' };

/** How a fire stands: shape, word, and (unless brief) why. */
export function FireState({ fire, brief }: { fire: Pick<Fire, 'state' | 'reason'>; brief?: boolean }) {
  const Shape = shapes[kind(fire.state)];
  return (
    <Label isCompact variant="outline" color={colors[kind(fire.state)]} icon={<Shape />}>
      {brief ? stateNames[fire.state] : stateText(fire)}
    </Label>
  );
}
