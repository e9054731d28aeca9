// Who still calls what is deprecated.

import { el, methodLink, text } from './dom.js';
import { Table } from './table.js';
import * as format from './format.js';

const columns = [
  { title: 'Caller', words: true, first: 'ascending', of: (c) => c.caller, said: (c) => c.caller, draw: (c) => el('code', {}, c.caller || '–') },
  { title: 'Known by', words: true, first: 'ascending', of: (c) => c.kind, write: (c) => format.words(c.kind).replaceAll('-', ' ') },
  { title: 'Method', words: true, first: 'ascending', of: (c) => c.method, said: (c) => c.method, draw: (c) => methodLink(c.method) },
  { title: 'Deprecated', of: (c) => c.deprecated, write: (c) => format.day(c.deprecated) },
  { title: 'Sunset', first: 'ascending', of: (c) => c.sunset, write: (c) => format.day(c.sunset) },
  { title: 'Requests', of: (c) => c.requests, write: (c) => format.count(c.requests) },
  { title: 'First', of: (c) => c.first, write: (c) => format.moment(c.first) },
  { title: 'Last', of: (c) => c.last, write: (c) => format.moment(c.last) },
];

export class Callers {
  title = 'Callers of what is deprecated';
  asks = { callers: '/api/callers' };

  constructor() {
    this.lead = el('p', { class: 'lead' });
    this.table = new Table({
      label: 'Callers', columns, id: (c) => `${c.method} ${c.kind} ${c.caller}`, sorted: 5, noun: 'callers', none: 'Nobody has called what is deprecated.',
      search: (c) => [c.caller, c.method, c.kind], placeholder: 'Filter by caller or method',
    });
    this.element = el('div', {}, this.lead, this.table.element);
  }

  update({ callers }) {
    const other = callers?.other ? ` ${format.count(callers.other)} requests are of callers that found no place here.` : '';
    text(this.lead, `Whom a sunset would cut off, since ${format.moment(callers?.since)}.${other}`);
    this.table.update(callers?.callers ?? []);
  }
}
