// The table of the methods. Rows stay, and are moved and filled anew.

import { el, text } from './dom.js';
import { spark } from './charts.js';
import * as format from './format.js';

const columns = [
  { title: 'Method', of: (m) => m.method, first: 'ascending' },
  { title: 'Last 5 min' },
  { title: 'Requests / s', of: (m) => m.requests, write: format.rate },
  { title: 'Failed', of: (m) => m.errors ?? -1, write: (v) => format.share(v < 0 ? null : v) },
  { title: '4xx', of: (m) => m.client_errors ?? -1, write: (v) => format.share(v < 0 ? null : v) },
  { title: 'P50', of: (m) => m.durations.p50 ?? -1, write: (v) => format.duration(v < 0 ? null : v) },
  { title: 'P95', of: (m) => m.durations.p95 ?? -1, write: (v) => format.duration(v < 0 ? null : v) },
  { title: 'P99', of: (m) => m.durations.p99 ?? -1, write: (v) => format.duration(v < 0 ? null : v) },
  { title: 'Cache hits', of: (m) => m.cache_hits ?? -1, write: (v) => format.share(v < 0 ? null : v) },
  { title: 'Denied / s', of: (m) => m.denied, write: format.rate },
];

export class Table {
  constructor() {
    this.sorted = 2;
    this.order = 'descending';
    this.rows = new Map();
    this.methods = [];
    this.body = el('tbody');
    this.heads = columns.map((column, i) => el('th', { scope: 'col' },
      column.of ? el('button', { type: 'button', onclick: () => this.sort(i) }, column.title) : column.title));
    this.filter = el('input', { type: 'search', placeholder: 'Filter methods and routes', 'aria-label': 'Filter methods and routes', oninput: () => this.draw() });
    this.found = el('p', { role: 'status' });
    this.element = el('section', {},
      el('div', { class: 'bar' }, el('h2', {}, 'Methods, over the last minute'), this.filter), this.found,
      el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Methods' },
        el('table', {}, el('thead', {}, el('tr', {}, this.heads)), this.body)));
  }

  sort(i) {
    const first = columns[i].first ?? 'descending';
    const other = first === 'ascending' ? 'descending' : 'ascending';
    this.order = this.sorted === i && this.order === first ? other : first;
    this.sorted = i;
    this.draw();
  }

  update(methods) {
    this.methods = methods;
    for (const method of methods) {
      let row = this.rows.get(method.method);
      if (!row) this.rows.set(method.method, row = new Row(method));
      row.update(method);
    }
    this.draw();
  }

  draw() {
    this.heads.forEach((head, i) => {
      if (i === this.sorted) head.setAttribute('aria-sort', this.order);
      else head.removeAttribute('aria-sort');
    });
    const wanted = this.filter.value.trim().toLowerCase();
    const matching = this.methods.filter((m) => !wanted || [m.method, ...m.routes].some((t) => t.toLowerCase().includes(wanted)));
    const { of } = columns[this.sorted];
    const sign = this.order === 'ascending' ? 1 : -1;
    matching.sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      return x === y ? a.method.localeCompare(b.method) : (x < y ? -sign : sign);
    });
    const rows = matching.map((m) => this.rows.get(m.method).element);
    const inPlace = rows.length === this.body.childElementCount && rows.every((row, i) => row === this.body.children[i]);
    if (!inPlace) this.body.replaceChildren(...rows);
    text(this.found, wanted ? `${rows.length} of ${this.methods.length} methods` : '');
  }
}

class Row {
  constructor(method) {
    this.spark = spark();
    this.marks = el('span');
    this.cells = columns.slice(2).map(() => el('td'));
    this.element = el('tr', {},
      el('th', { scope: 'row' },
        el('a', { href: `#/methods/${method.method}`, title: method.routes.join('\n') }, method.method), this.marks),
      el('td', {}, this.spark.element), this.cells);
  }

  update(method) {
    this.spark.update(method.recent);
    this.cells.forEach((cell, i) => text(cell, columns[i + 2].write(columns[i + 2].of(method))));
    this.cells[1].className = method.errors > 0 ? 'c-error' : '';
    const marks = [
      method.breaker && method.breaker !== 'closed' ? [`breaker ${method.breaker.replace('_', '-')}`, 'bad'] : null,
      method.deprecated ? ['deprecated', ''] : null,
      method.overridden ? ['overridden', ''] : null,
    ].filter(Boolean);
    const said = marks.map(([mark]) => mark).join();
    if (said !== this.said) {
      this.said = said;
      this.marks.replaceChildren(...marks.map(([mark, how]) => el('span', { class: `mark ${how}` }, mark)));
    }
  }
}
