// The overview: what wants attention, charts of everything, the busiest methods.

import { el } from './dom.js';
import { Attention, concerns } from './attention.js';
import { Chart, Cursor } from './charts.js';
import { methodTable } from './methods.js';
import { column, requestCharts, summed } from './requests.js';
import * as format from './format.js';

const busiest = 8;

export class Overview {
  title = 'Overview';
  asks = { methods: '/api/methods', objectives: '/api/objectives', upstreams: '/upstreams', overrides: '/api/overrides' };

  constructor() {
    this.attention = new Attention();
    const cursor = new Cursor();
    this.charts = requestCharts(cursor);
    this.cache = new Chart(cursor, 'From the cache', [{ name: 'share', color: 'ok' }], format.share, { filled: true });
    this.held = new Chart(cursor, 'Held back / s', [{ name: 'by limits', color: 'client' }, { name: 'under overload', color: 'error' }], format.rate, { stacked: true });
    this.connections = new Chart(cursor, 'At once', [{ name: 'connections', color: 'p50' }, { name: 'requests', color: 'p95' }], format.count, { whole: true });
    this.load = new Chart(cursor, 'CPU, in cores', [{ name: 'CPU', color: 'p95' }], format.cores, { filled: true });
    this.memory = new Chart(cursor, 'Memory', [{ name: 'resident', color: 'p99' }], format.bytes, { filled: true, unit: 1024 });
    this.table = methodTable({ label: 'The busiest methods' });
    const small = [this.cache, this.held, this.connections, this.load, this.memory].map((chart) => chart.element);
    this.element = el('div', {}, this.attention.element,
      el('div', { class: 'tiles' }, this.charts.elements), el('div', { class: 'tiles small five' }, small),
      el('h2', {}, 'Busiest methods'), this.table.element, el('p', { class: 'more' }, el('a', { href: '#/methods' }, 'All methods')));
  }

  update(told) {
    const { about, methods } = told;
    const { columns } = about;
    this.attention.update(concerns(told));
    this.charts.update(about, columns);
    const level = (name) => columns.levels?.[name] ?? columns.times.map(() => null);
    this.cache.update(columns.times, [hits(columns)], format.share(about.cache_hits));
    this.held.update(columns.times, [column(columns, 'limit.deny'), summed(columns, 'shed.')], format.rate(about.denied + about.shed));
    this.connections.update(columns.times, [level('connections'), level('active')], format.count(level('connections').at(-1)));
    this.load.update(columns.times, [column(columns, 'cpu')], format.cores(column(columns, 'cpu').at(-1)));
    this.memory.update(columns.times, [level('memory')], format.bytes(level('memory').at(-1)));
    const most = [...methods?.methods ?? []].sort((a, b) => format.calm(b.requests) - format.calm(a.requests) || (a.method < b.method ? -1 : 1));
    this.table.update(most.slice(0, busiest));
  }
}

// hits is the share of requests that went to no upstream, of those that a cache may serve.
function hits(columns) {
  const all = summed(columns, 'cache.');
  const served = ['hit', 'stale_hit', 'stale', 'collapsed', 'remote_hit'].map((outcome) => column(columns, `cache.${outcome}`))
    .reduce((a, b) => a.map((value, i) => value + b[i]));
  return all.map((value, i) => (value > 0 ? served[i] / value : null));
}
