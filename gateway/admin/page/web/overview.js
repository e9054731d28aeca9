// The overview: what wants attention, charts of everything, a table of the methods.

import { el } from './dom.js';
import { Chart } from './charts.js';
import { Table } from './table.js';
import * as format from './format.js';

const at = (columns, name) => columns.rates[name] ?? columns.times.map(() => 0);
const sum = (a, b) => a.map((value, i) => value + b[i]);

// requestCharts are those of all requests, and of one method's.
export function requestCharts() {
  const requests = new Chart('Requests a second', [
    { name: 'served', color: 'ok', area: true }, { name: 'refused to the client', color: 'client' }, { name: 'failed', color: 'error' },
  ], format.rate);
  const durations = new Chart('Duration', [
    { name: 'P50', color: 'p50' }, { name: 'P95', color: 'p95' }, { name: 'P99', color: 'p99' },
  ], format.duration);
  return {
    elements: [requests.element, durations.element],
    update(summary, columns) {
      const failed = sum(at(columns, 'status.5xx'), at(columns, 'status.aborted'));
      const served = sum(sum(at(columns, 'status.2xx'), at(columns, 'status.3xx')), at(columns, 'status.1xx'));
      requests.update(columns.times, [served, at(columns, 'status.4xx'), failed],
        `${format.rate(summary.requests)} · ${format.share(summary.errors)} failed`);
      const empty = columns.times.map(() => null);
      durations.update(columns.times, ['p50', 'p95', 'p99'].map((p) => columns.durations[p] ?? empty),
        `${format.duration(summary.durations.p50)} · ${format.duration(summary.durations.p95)} · ${format.duration(summary.durations.p99)}`);
    },
  };
}

export class Overview {
  name = 'overview';
  paths = ['/api/methods'];

  constructor() {
    this.attention = el('ul', { class: 'attention', 'aria-label': 'Wants attention' });
    this.charts = requestCharts();
    this.denied = new Chart('Held back a second', [
      { name: 'by limits', color: 'client', area: true }, { name: 'under overload', color: 'error' },
    ], format.rate);
    this.load = new Chart('CPU, in cores', [{ name: 'CPU', color: 'p95', area: true }], (v) => (v === null ? '–' : v.toFixed(2)));
    this.memory = new Chart('Memory', [{ name: 'resident', color: 'p99', area: true }], format.bytes);
    this.connections = new Chart('At once', [{ name: 'connections', color: 'p50' }, { name: 'requests', color: 'p95' }], format.count);
    this.table = new Table();
    this.element = el('div', {},
      el('h2', {}, 'All requests'), this.attention,
      el('div', { class: 'tiles' }, this.charts.elements, this.denied.element, this.connections.element, this.load.element, this.memory.element),
      this.table.element);
  }

  update(about, methods) {
    const { columns } = about;
    this.charts.update(about, columns);
    const level = (name) => columns.levels?.[name] ?? columns.times.map(() => 0);
    const shed = Object.entries(columns.rates).filter(([name]) => name.startsWith('shed.')).map(([, column]) => column)
      .reduce(sum, columns.times.map(() => 0));
    this.denied.update(columns.times, [at(columns, 'limit.deny'), shed], `${format.rate(about.denied)} · ${format.rate(about.shed)}`);
    this.connections.update(columns.times, [level('connections'), level('active')],
      `${format.count(level('connections').at(-1))} · ${format.count(level('active').at(-1))}`);
    this.load.update(columns.times, [at(columns, 'cpu')], (at(columns, 'cpu').at(-1) ?? 0).toFixed(2));
    this.memory.update(columns.times, [level('memory')], format.bytes(level('memory').at(-1)));
    this.warn(about);
    this.table.update(methods.methods);
  }

  warn(about) {
    const open = Object.entries(about.breakers).filter(([, state]) => state !== 'closed').sort();
    const said = open.map(([name, state]) => `The circuit breaker of ${name} is ${state.replace('_', '-')}.`);
    if (said.join() === this.said) return;
    this.said = said.join();
    this.attention.replaceChildren(...said.map((each) => el('li', {}, each)));
  }
}
