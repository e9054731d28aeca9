// Charts are SVG paths in a box of 300 by 80, stretched to the width that is there.

import { el, set, svg, text } from './dom.js';
import { clock } from './format.js';

const width = 300;
const height = 80;

const x = (i, n) => (n > 1 ? (i * width) / (n - 1) : 0);
const y = (value, most) => height - (value / most) * height;

// path draws values from the left to the right; null is a gap.
function path(values, most) {
  let d = '';
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) { pen = false; return; }
    d += `${pen ? 'L' : 'M'}${x(i, values.length).toFixed(1)} ${y(value, most).toFixed(1)}`;
    pen = true;
  });
  return d;
}

// band fills what lies between two lines.
function band(below, above, most) {
  if (above.length < 2) return '';
  const n = above.length;
  const back = below.map((value, i) => `L${x(i, n).toFixed(1)} ${y(value, most).toFixed(1)}`).reverse().join('');
  return `${path(above, most)}${back}Z`;
}

// nice is the next figure above that people read easily, in units of unit.
export function nice(value, unit = 1) {
  if (!(value > 0)) return 1;
  const base = unit > 1 ? unit ** Math.max(0, Math.floor(Math.log(value) / Math.log(unit))) : 1;
  const power = 10 ** Math.floor(Math.log10(value / base)) * base;
  return [1, 2, 4, 6, 8, 10].map((n) => n * power).find((n) => n >= value * 0.9999);
}

// round leaves out a zero that a scale needs not.
const round = (figure) => figure.replace(/\.0\b/, '');

const added = (a, b) => a.map((value, i) => (value ?? 0) + (b[i] ?? 0));

// Cursor is the time that all charts of a view point at: null is the latest.
export class Cursor {
  charts = [];

  point(sample) {
    for (const chart of this.charts) chart.point(sample);
  }
}

// Chart is a tile with a title, the latest figure, lines over time, and what they
// are. A pointer, or the arrow keys, read an earlier time.
export class Chart {
  // lines are [{name, color}], format writes a value. stacked lines lie upon each
  // other; filled ones have an area below; whole figures have no halves; unit is what
  // a scale counts in, such as 1024.
  constructor(cursor, title, lines, format, { stacked = false, filled = false, wide = false, whole = false, unit = 1 } = {}) {
    Object.assign(this, { cursor, title, lines, format, stacked, filled, whole, unit, times: [], columns: [], sample: null });
    cursor.charts.push(this);
    this.figure = el('p', { class: 'figure' });
    this.paths = lines.map((line) => [
      svg('path', { class: `area c-${line.color}` }), svg('path', { class: `line c-${line.color}` }),
    ]);
    this.values = lines.map(() => el('span', { class: 'value' }, '–'));
    this.top = el('span');
    this.middle = el('span');
    this.pointer = el('div', { class: 'pointer', hidden: true });
    this.first = el('span');
    this.at = el('span');
    this.element = el('section', { class: wide ? 'tile wide' : 'tile' },
      el('div', { class: 'head' }, el('h2', {}, title), this.figure), this.#plot(),
      el('div', { class: 'times', 'aria-hidden': 'true' }, this.first, this.at),
      lines.length > 1 && el('ul', { class: 'legend' }, lines.map((line, i) => el('li', {}, el('span', { class: `swatch c-${line.color}` }), el('span', {}, line.name), this.values[i]))));
  }

  #plot() {
    const grid = [0, height / 2, height].map((at) => svg('line', { class: 'grid', x1: 0, y1: at, x2: width, y2: at }));
    this.plot = el('div', {
      class: 'plot', role: 'slider', tabindex: '0', 'aria-label': `${this.title}, over time`, 'aria-valuemin': '0', 'aria-valuemax': '0', 'aria-valuenow': '0',
      onpointermove: (event) => this.#follow(event), onpointerleave: () => this.cursor.point(null),
      onkeydown: (event) => this.#key(event), onblur: () => this.cursor.point(null),
    },
    svg('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, grid, this.paths.flat()),
    el('div', { class: 'scale', 'aria-hidden': 'true' }, this.top, this.middle), this.pointer);
    return this.plot;
  }

  #follow(event) {
    const { left, width: wide } = this.plot.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / wide));
    this.cursor.point(Math.round(share * (this.times.length - 1)));
  }

  #key(event) {
    const last = this.times.length - 1;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 12, PageDown: -12, Home: -last, End: last }[event.key];
    if (step === undefined || last < 0) return;
    event.preventDefault();
    this.cursor.point(Math.min(last, Math.max(0, (this.sample ?? last) + step)));
  }

  // update draws columns, one for each line, and says the latest.
  update(times, columns, figure) {
    Object.assign(this, { times, columns });
    const levels = this.stacked ? columns.reduce((all, column) => [...all, added(all.at(-1) ?? times.map(() => 0), column)], []) : columns;
    const highest = levels.flat().reduce((a, b) => Math.max(a, b ?? 0), 0);
    const most = this.whole ? Math.max(2, nice(highest)) : nice(highest, this.unit);
    this.paths.forEach(([area, line], i) => this.#line(area, line, levels, i, most));
    this.latest = figure;
    text(this.top, round(this.format(most)));
    text(this.middle, round(this.format(most / 2)));
    text(this.first, times.length ? clock(times[0]) : 'no samples yet');
    this.point(this.sample);
  }

  #line(area, line, levels, i, most) {
    const drawn = this.stacked && Math.max(...this.columns[i], 0) === 0 ? '' : path(levels[i], most);
    set(line, 'd', drawn);
    if (!this.stacked && !this.filled) return;
    const floor = this.stacked && i > 0 ? levels[i - 1] : this.times.map(() => 0);
    set(area, 'd', drawn && band(floor, levels[i], most));
  }

  // point says the values at a sample, or the latest.
  point(sample) {
    const last = this.times.length - 1;
    this.sample = sample === null ? null : Math.min(sample, last);
    const i = this.sample ?? last;
    this.pointer.hidden = this.sample === null || last < 1;
    if (!this.pointer.hidden) this.pointer.style.setProperty('left', `${(100 * i) / last}%`);
    const said = this.lines.map((_, line) => this.format(this.columns[line]?.[i] ?? null));
    said.forEach((value, line) => text(this.values[line], value));
    text(this.figure, this.sample !== null && said.length === 1 ? said[0] : this.latest ?? '');
    const time = last < 0 ? 'no samples yet' : clock(this.times[i], true);
    text(this.at, last < 0 ? '' : time);
    set(this.plot, 'aria-valuemax', String(Math.max(last, 0)));
    set(this.plot, 'aria-valuenow', String(Math.max(i, 0)));
    set(this.plot, 'aria-valuetext', `${time}: ${this.lines.map((line, n) => `${line.name} ${said[n]}`).join(', ')}`);
  }
}

// spark is a small line in a table.
export function spark() {
  const line = svg('path', { class: 'line' });
  const element = svg('svg', { class: 'spark', viewBox: `0 -6 ${width} ${height + 12}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, line);
  return {
    element,
    update(values) {
      const most = Math.max(...values, 0);
      set(line, 'd', most > 0 ? path(values, most) : `M0 ${height}H${width}`); // nothing stays nothing
    },
  };
}

// meter shows what is left, from 0 to 1. What is overspent is full, and bad.
export function meter() {
  const bar = svg('rect', { height: 8, rx: 4 });
  const element = svg('svg', { class: 'meter', viewBox: '0 0 120 8', 'aria-hidden': 'true' }, svg('rect', { class: 'track', width: 120, height: 8, rx: 4 }), bar);
  return {
    element,
    update(left) {
      const shown = left === null ? 0 : Math.min(1, Math.max(0, left));
      set(bar, 'width', String(left < 0 && left !== null ? 120 : Math.round(shown * 120)));
      set(bar, 'class', left === null ? '' : standing(left));
    },
  };
}

// standing says how a budget stands.
export function standing(left) {
  if (left < 0) return 'bad';
  return left < 0.25 ? 'warn' : 'good';
}
