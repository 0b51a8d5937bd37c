import { EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core';
import type { ComponentType, ReactNode } from 'react';

interface Props {
  /** What there is none of, as a statement: "Nothing is leased". */
  title: string;
  /** What would be here, and what makes it come. */
  children: ReactNode;
  /** A button or link that does it. */
  action?: ReactNode;
  /** The same on the command line; shown as text to copy. */
  command?: string;
  icon?: ComponentType;
  small?: boolean;
}

/** An empty place that teaches what belongs there. */
export function EmptyTeach({ title, children, action, command, icon, small }: Props) {
  return (
    <EmptyState headingLevel="h3" titleText={title} icon={icon} variant={small ? 'xs' : 'sm'}>
      <EmptyStateBody>{children}</EmptyStateBody>
      {(action || command) && (
        <EmptyStateFooter>
          {action && <EmptyStateActions>{action}</EmptyStateActions>}
          {command && <code className="sb-command">{command}</code>}
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}
