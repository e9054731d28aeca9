// Charts are SVG paths in a box of 300 by 80, stretched to the width that is there.

import { svg, el, text } from './dom.js';
import { clock } from './format.js';

const width = 300;
const height = 80;

// path draws values from the left to the right; null is a gap.
function path(values, most) {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let d = '';
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) { pen = false; return; }
    d += `${pen ? 'L' : 'M'}${(i * step).toFixed(1)} ${(height - (value / most) * height).toFixed(1)}`;
    pen = true;
  });
  return d;
}

// nice is the next figure above that people read easily.
export function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value);
}

// Chart is a tile with a title, the latest figure, lines over time, and what they
// are.
export class Chart {
  // lines are [{name, color, area}], format writes a value.
  constructor(title, lines, format) {
    this.lines = lines;
    this.format = format;
    this.figure = el('p', { class: 'figure' });
    this.paths = lines.map((line) => [
      svg('path', { class: `area c-${line.color}` }), svg('path', { class: `line c-${line.color}` }),
    ]);
    this.label = svg('title');
    const drawing = svg('svg', { class: 'chart', viewBox: `0 -2 ${width} ${height + 4}`, preserveAspectRatio: 'none', role: 'img' },
      this.label,
      svg('line', { class: 'grid', x1: 0, y1: 0, x2: width, y2: 0 }),
      svg('line', { class: 'grid', x1: 0, y1: height, x2: width, y2: height }),
      this.paths.flat());
    this.scale = el('div', { class: 'legend', 'aria-hidden': 'true' });
    this.title = title;
    this.element = el('section', { class: 'tile' },
      el('h3', {}, title), this.figure, drawing, this.scale,
      lines.length > 1 ? el('ul', { class: 'legend' }, lines.map((line) => el('li', { class: `c-${line.color}` }, line.name))) : null);
  }

  // update draws columns, one for each line, and says the latest.
  update(times, columns, figure) {
    const values = columns.flat().filter((value) => value !== null);
    const most = nice(Math.max(0, ...values));
    this.paths.forEach(([area, line], i) => {
      const d = path(columns[i], most);
      line.setAttribute('d', d);
      area.setAttribute('d', this.lines[i].area && d ? `${d}L${width} ${height}L0 ${height}Z` : '');
    });
    text(this.figure, figure);
    const span = times.length ? `${clock(times[0])} to ${clock(times[times.length - 1])}` : 'no samples yet';
    text(this.scale, `${span}, up to ${this.format(most)}`);
    const said = this.lines.map((line, i) => `${line.name} ${this.format(columns[i].at(-1) ?? null)}`).join(', ');
    text(this.label, `${this.title}, ${span}. Now: ${said}.`);
  }
}

// spark is a small line in a table.
export function spark() {
  const line = svg('path', { class: 'line c-ok' });
  const element = svg('svg', { class: 'spark', viewBox: `0 -4 ${width} ${height + 8}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, line);
  return { element, update(values) { line.setAttribute('d', path(values, Math.max(...values, 0) || 1)); } };
}
