import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { example } from './example';
import { Lacks } from './Lacks';

it('says what is missing, and how spans are made to come', () => {
  render(<Lacks trace={{ ...example, spans: [], missing: [{ part: 'spans', reason: 'not_configured', detail: '' }, { part: 'records', reason: 'truncated', detail: 'the trace has more log records than limit' }] }} />);
  expect(screen.getByText(/nobody has said where they are kept/)).toBeTruthy();
  expect(screen.getByText('Its log lines are below, in order.')).toBeTruthy();
  expect(screen.getByText('The trace has more log records than limit.')).toBeTruthy();
  expect(screen.getByText(/SIGNALBOX_VIEW_SERVICE_TRACE_QUERY=jaeger=/)).toBeTruthy();
});

it('says nothing when all is there', () => {
  const { container } = render(<Lacks trace={{ ...example, missing: [] }} />);
  expect(container.textContent).toBe('');
});
