import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import type { Counts } from './bars';
import { Chart } from './Histogram';

const counts: Counts = {
  since: '', until: '', records: 6, step_seconds: 60, levels: {}, gaps: [],
  buckets: [0, 1, 2, 3].map((i) => ({ from: `2026-11-22T12:0${i}:00Z`, levels: { INFO: i + 1, ERROR: i === 2 ? 1 : 0 } })),
};

function chart() {
  const onRange = vi.fn();
  render(<Chart counts={counts} onRange={onRange} />);
  const slider = screen.getByRole('slider', { name: /Records over time/ });
  slider.getBoundingClientRect = () => ({ left: 100, width: 400, top: 0, right: 500, bottom: 40, height: 40, x: 100, y: 0, toJSON: () => '' });
  slider.setPointerCapture = vi.fn();
  const pointer = (type: 'down' | 'move' | 'up' | 'cancel', clientX = 0) => fireEvent(slider, new MouseEvent(`pointer${type}`, { clientX, bubbles: true })); // jsdom's own has no place
  return { onRange, slider, pointer };
}

it('takes the stretch that is drawn over it, and shows it meanwhile', () => {
  const { onRange, slider, pointer } = chart();
  pointer('down', 250); // in the second column
  pointer('move', 450);
  expect(slider.querySelector('.sb-brush')?.getAttribute('style')).toBe('left: 37.5%; width: 50%;');
  pointer('up', 450);
  expect(onRange).toHaveBeenCalledWith({ since: '2026-11-22T12:01:00.000Z', until: '2026-11-22T12:04:00.000Z' });
  expect(slider.querySelector('.sb-brush')).toBeNull();
});

it('takes one column by a click, and nothing when the stroke is broken off', () => {
  const { onRange, pointer } = chart();
  pointer('down', 150);
  pointer('cancel');
  pointer('up', 300);
  expect(onRange).not.toHaveBeenCalled();
  pointer('down', 150);
  pointer('up', 150);
  expect(onRange).toHaveBeenCalledWith({ since: '2026-11-22T12:00:00.000Z', until: '2026-11-22T12:01:00.000Z' });
});

it('is moved over by the keyboard, says the column, and takes it with Enter', () => {
  const { onRange, slider } = chart();
  fireEvent.keyDown(slider, { key: 'Enter' });
  expect(onRange).not.toHaveBeenCalled(); // no column is pointed at
  fireEvent.keyDown(slider, { key: 'ArrowLeft' });
  expect(slider.getAttribute('aria-valuetext')).toMatch(/3 INFO, 1 ERROR$/);
  fireEvent.keyDown(slider, { key: 'Enter' });
  expect(onRange).toHaveBeenCalledWith({ since: '2026-11-22T12:02:00.000Z', until: '2026-11-22T12:03:00.000Z' });
});
