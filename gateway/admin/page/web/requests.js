// The charts of requests, which the overview and a method's page share.

import { Chart } from './charts.js';
import * as format from './format.js';

export const column = (columns, name) => columns.rates[name] ?? columns.times.map(() => 0);

export const sum = (...all) => all.reduce((a, b) => a.map((value, i) => value + b[i]));

// summed is the sum of all events with a prefix.
export function summed(columns, prefix) {
  return Object.entries(columns.rates).filter(([name]) => name.startsWith(prefix)).map(([, each]) => each)
    .reduce((a, b) => sum(a, b), columns.times.map(() => 0));
}

export function requestCharts(cursor) {
  const requests = new Chart(cursor, 'Requests a second', [
    { name: 'served', color: 'ok' }, { name: 'refused (4xx)', color: 'client' }, { name: 'failed', color: 'error' },
  ], format.rate, { stacked: true, wide: true });
  const durations = new Chart(cursor, 'Duration', [
    { name: 'P50', color: 'p50' }, { name: 'P95', color: 'p95' }, { name: 'P99', color: 'p99' },
  ], format.duration, { wide: true });
  return {
    elements: [requests.element, durations.element],
    update(summary, columns) {
      const served = sum(column(columns, 'status.1xx'), column(columns, 'status.2xx'), column(columns, 'status.3xx'));
      const failed = sum(column(columns, 'status.5xx'), column(columns, 'status.aborted'));
      const failing = summary.errors > 0 ? `, ${format.share(summary.errors)} failed` : '';
      requests.update(columns.times, [served, column(columns, 'status.4xx'), failed], `${format.rate(summary.requests)}${failing}`);
      const empty = columns.times.map(() => null);
      durations.update(columns.times, ['p50', 'p95', 'p99'].map((p) => columns.durations[p] ?? empty), `P95 ${format.duration(summary.durations.p95)}`);
    },
  };
}
