import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { bytes } from '~/ui';
import { Sparkline } from './Sparkline';

const now = Date.parse('2026-11-22T12:00:00Z');
const points = [40e6, 52e6, 48e6].map((value, i) => ({ at: now - (60 - 30 * i) * 1000, value }));

it('says in words what it draws, and shows the value under the pointer', () => {
  const { container } = render(<Sparkline name="Memory" points={points} also={{ name: 'heap', points: points.map((p) => ({ ...p, value: p.value / 4 })) }} text={bytes} now={now} none="not said" />);
  const chart = screen.getByRole('img', { name: 'Memory: 48.0 MB now, between 40.0 MB and 52.0 MB in the last 1 min' });
  expect(container.querySelectorAll('path.sb-spark-line')).toHaveLength(1);
  expect(screen.getByText(/dashed: heap, 12.0 MB now/)).toBeTruthy();
  chart.getBoundingClientRect = () => ({ left: 0, width: 600 }) as DOMRect;
  fireEvent.pointerMove(chart, { clientX: 310 });
  expect(container.querySelector('.sb-spark-now')?.textContent).toBe('40.0 MB');
  fireEvent.pointerLeave(chart);
  expect(container.querySelector('.sb-spark-now')?.textContent).toBe('48.0 MB');
});

it('draws nothing where nothing is known, and says so', () => {
  const { container } = render(<Sparkline name="Memory" points={[]} text={bytes} now={now} none="not said" />);
  expect(screen.getByRole('img', { name: 'Memory: not said' })).toBeTruthy();
  expect(container.querySelectorAll('path')).toHaveLength(0);
});
