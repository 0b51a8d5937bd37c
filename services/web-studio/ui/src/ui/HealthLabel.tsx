import { Label } from '@patternfly/react-core';

const states: Record<string, { status?: 'success' | 'warning' | 'danger'; color?: 'grey' }> = {
  up: { status: 'success' },
  live: { status: 'success' },
  degraded: { status: 'warning' },
  down: { status: 'danger' },
  lost: { status: 'danger' },
};

/** How a service, an instance or a check is: up, degraded, down, lost, stopped, unknown. Icon and word. */
export function HealthLabel({ health }: { health: string }) {
  const { status, color } = states[health] ?? { color: 'grey' };
  return (
    <Label isCompact variant="outline" {...(status ? { status } : { color })}>
      {health}
    </Label>
  );
}
