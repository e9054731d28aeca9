// Rate limits, and how many calls may be under way at once.

import { el, mark, method as named, methodLink } from './dom.js';
import { Table } from './table.js';
import * as format from './format.js';

const shadow = (mode) => mode === 'shadow' && mark('shadow');

const limits = [
  { title: 'Limit', words: true, first: 'ascending', of: (l) => l.name, said: (l) => l.name + l.mode, draw: (l) => [el('strong', {}, l.name || 'unnamed'), shadow(l.mode)] },
  { title: 'Methods', words: true, said: (l) => String(l.methods), draw: (l) => several(l.methods) },
  { title: 'Admits', words: true, write: (l) => `${format.count(l.requests)} in ${format.span(l.interval_seconds)}${l.burst > l.requests ? `, ${format.count(l.burst)} at once` : ''}` },
  { title: 'For each', words: true, first: 'ascending', of: (l) => l.key, write: (l) => format.words(l.key).replaceAll('-', ' ') },
  { title: 'Counted', words: true, first: 'ascending', of: (l) => l.scope, write: (l) => (l.scope === 'shared' ? 'by the fleet' : 'by this process') },
  { title: 'Admitted / s', of: (l) => l.allowed, write: (l) => format.rate(l.allowed) },
  { title: 'Denied / s', of: (l) => l.denied, write: (l) => format.rate(l.denied), how: (l) => (l.denied > 0 ? 'c-client strong' : '') },
];

function several(methods) {
  if (methods.length < 2) return methods.map(methodLink);
  return el('details', {}, el('summary', {}, `${methods.length} methods`), el('ul', {}, methods.map((name) => el('li', {}, methodLink(name)))));
}

const concurrency = [
  { title: 'Method', words: true, first: 'ascending', of: (c) => c.method, said: (c) => c.method + c.mode, draw: (c) => [c.method.endsWith('/*') ? named(c.method) : methodLink(c.method), shadow(c.mode)] },
  { title: 'In flight', of: (c) => c.in_flight, write: (c) => format.count(c.in_flight) },
  { title: 'At most', of: (c) => c.limit, write: (c) => format.count(c.limit) },
  { title: 'Bound', words: true, write: (c) => (c.adaptive ? 'adaptive' : 'fixed') },
  { title: 'Queued', of: (c) => c.queued, write: (c) => format.count(c.queued) },
  { title: 'Shed / s', of: (c) => c.shed, write: (c) => format.rate(c.shed), how: (c) => (c.shed > 0 ? 'c-error strong' : '') },
];

export class Limits {
  title = 'Limits';
  asks = { limits: '/api/limits' };

  constructor() {
    this.limits = new Table({
      label: 'Rate limits', columns: limits, id: (l) => `${l.name} ${l.scope} ${l.methods}`, sorted: 6, noun: 'limits', none: 'No method has a rate limit.',
      search: (l) => [l.name, l.key, ...l.methods], placeholder: 'Filter by limit or method',
    });
    this.concurrency = new Table({ label: 'Concurrency', columns: concurrency, id: (c) => c.method, sorted: 1, none: 'No method bounds its calls.' });
    this.element = el('div', {},
      el('h2', {}, 'Rate limits'), this.limits.element, el('h2', {}, 'Concurrency'), this.concurrency.element);
  }

  update({ limits: told }) {
    this.limits.update(told?.limits ?? []);
    this.concurrency.update(told?.concurrency ?? []);
  }
}
