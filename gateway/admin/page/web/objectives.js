// What the methods promise, and how much of it is left.

import { el, mark, methodLink } from './dom.js';
import { meter, standing } from './charts.js';
import { Table } from './table.js';
import * as format from './format.js';

export function promised({ kind, promise }) {
  if (kind === 'errors') return `at most ${promise.percent} % fail`;
  return `${promise.percentile} % within ${format.duration(promise.latency)}`;
}

export function left({ remaining, measured }) {
  if (measured === false) return 'not measured';
  if (remaining === null) return 'no requests';
  return remaining < 0 ? `broken: ${format.share(remaining)}` : format.share(remaining);
}

const columns = [
  { title: 'Method', words: true, first: 'ascending', of: (o) => o.method, said: (o) => o.method + o.mode, draw: (o) => [methodLink(o.method), o.mode === 'shadow' && mark('shadow')] },
  { title: 'Promise', words: true, write: promised },
  { title: 'Budget', part: meter, shown: (o) => o.remaining },
  { title: 'Left', first: 'ascending', of: (o) => o.remaining, write: left, how: (o) => (o.remaining === null ? 'c-quiet' : `strong c-${standing(o.remaining)}`) },
  { title: 'Missed it', of: (o) => o.bad, write: (o) => format.count(o.bad) },
  { title: 'Requests', of: (o) => o.requests, write: (o) => format.count(o.requests) },
  { title: 'Window', of: (o) => o.window_seconds, write: (o) => format.span(o.window_seconds) },
];

export function objectiveTable({ but = [], ...options }) {
  const shown = columns.filter((column) => !but.includes(column.title));
  return new Table({ columns: shown, id: (o) => `${o.method} ${o.kind}`, noun: 'objectives', none: 'No method promises anything.', sorted: shown.findIndex((column) => column.title === 'Left'), ...options });
}

export class Objectives {
  title = 'Objectives';
  asks = { objectives: '/api/objectives' };

  constructor() {
    this.lead = el('p', { class: 'lead' });
    this.table = objectiveTable({ label: 'Objectives', search: (o) => [o.method, o.kind], placeholder: 'Filter by method' });
    this.element = el('div', {}, this.lead, this.table.element);
  }

  update({ objectives }) {
    this.lead.textContent = `What is left of each budget since ${format.moment(objectives?.since)}, the worst first. Of this process alone: what a fleet has left is in Prometheus.`;
    this.table.update(objectives?.objectives ?? []);
  }
}
