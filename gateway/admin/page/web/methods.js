// The table of the methods.

import { el, mark, methodLink } from './dom.js';
import { spark } from './charts.js';
import { Table } from './table.js';
import * as format from './format.js';

const columns = [
  { title: 'Method', words: true, first: 'ascending', of: (m) => m.method, said: (m) => JSON.stringify([m.method, marks(m)]), draw: (m) => [methodLink(m.method), marks(m).map(([words, how]) => mark(words, how))] },
  { title: 'Last 5 min', part: spark, shown: (m) => m.recent },
  { title: 'Requests / s', of: (m) => format.calm(m.requests), write: (m) => format.rate(m.requests) },
  { title: 'Failed', of: (m) => format.calm(m.errors), write: (m) => format.share(m.errors), how: (m) => (m.errors > 0 ? 'c-error strong' : '') },
  { title: '4xx', of: (m) => format.calm(m.client_errors), write: (m) => format.share(m.client_errors) },
  { title: 'P50', of: (m) => format.calm(m.durations.p50), write: (m) => format.duration(m.durations.p50) },
  { title: 'P95', of: (m) => format.calm(m.durations.p95), write: (m) => format.duration(m.durations.p95) },
  { title: 'P99', of: (m) => format.calm(m.durations.p99), write: (m) => format.duration(m.durations.p99) },
  { title: 'From cache', of: (m) => format.calm(m.cache_hits), write: (m) => format.share(m.cache_hits) },
  { title: 'Denied / s', of: (m) => format.calm(m.denied), write: (m) => format.rate(m.denied) },
];

function marks(m) {
  return [
    m.breaker && m.breaker !== 'closed' ? [`breaker ${format.words(m.breaker)}`, 'bad'] : null,
    m.deprecated ? ['deprecated', ''] : null,
    m.overridden ? ['overridden', 'warn'] : null,
  ].filter(Boolean);
}

export function methodTable(options) {
  return new Table({ columns, id: (m) => m.method, noun: 'methods', ...options });
}

export class Methods {
  title = 'Methods';
  asks = { methods: '/api/methods' };

  constructor() {
    this.table = methodTable({ label: 'Methods', sorted: 2, search: (m) => [m.method, ...m.routes], placeholder: 'Filter by method or route' });
    this.element = el('div', {}, el('p', { class: 'lead' }, 'Over the last minute. The line is of the last five.'), this.table.element);
  }

  update({ methods }) {
    this.table.update(methods?.methods ?? []);
  }
}
