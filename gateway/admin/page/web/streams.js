// The streams that are open.

import { el, methodLink } from './dom.js';
import { Table } from './table.js';
import * as format from './format.js';

const columns = [
  { title: 'Method', words: true, first: 'ascending', of: (s) => s.method, said: (s) => s.method, draw: (s) => methodLink(s.method) },
  { title: 'Open', of: (s) => s.open, write: (s) => format.count(s.open) },
  { title: 'Opened / s', of: (s) => format.calm(s.opened), write: (s) => format.rate(s.opened) },
  { title: 'From clients / s', of: (s) => format.calm(s.received), write: (s) => format.rate(s.received) },
  { title: 'To clients / s', of: (s) => format.calm(s.sent), write: (s) => format.rate(s.sent) },
];

export class Streams {
  title = 'Streams';
  asks = { streams: '/api/streams' };

  constructor() {
    this.table = new Table({ label: 'Streams', columns, id: (s) => s.method, sorted: 1, noun: 'methods', none: 'No method is a stream.' });
    this.element = el('div', {}, el('p', { class: 'lead' }, 'Messages a second, over the last minute.'), this.table.element);
  }

  update({ streams }) {
    this.table.update(streams?.streams ?? []);
  }
}
