// Stored responses: how often they serve, how much there is, and purging them.

import { el, mark, methodLink, text } from './dom.js';
import { ask } from './dialog.js';
import { send } from './api.js';
import { meter } from './charts.js';
import { Table } from './table.js';
import * as format from './format.js';

const columns = [
  { title: 'Method', words: true, first: 'ascending', of: (c) => c.method, said: (c) => c.method + c.mode, draw: (c) => [methodLink(c.method), c.mode === 'shadow' && mark('shadow')] },
  { title: 'Fresh for', of: (c) => c.ttl_seconds, write: (c) => format.span(c.ttl_seconds) },
  { title: 'Requests / s', of: (c) => format.calm(c.requests), write: (c) => format.rate(c.requests) },
  { title: 'From cache', part: meter, shown: (c) => c.hits ?? null },
  { title: 'Share', of: (c) => format.calm(c.hits), write: (c) => format.share(c.hits) },
];

export class Cache {
  title = 'Cache';
  asks = { limits: '/api/limits' };

  constructor() {
    this.lead = el('p', { class: 'lead' });
    this.done = el('p', { class: 'done', role: 'status' });
    this.table = new Table({ label: 'Cached methods', columns, id: (c) => c.method, sorted: 2, noun: 'methods', none: 'No method stores responses.' });
    this.purge = el('button', { type: 'button', class: 'act', hidden: true, onclick: () => this.#purge() }, 'Purge by tag');
    this.element = el('div', {}, el('div', { class: 'bar' }, this.lead, this.purge), this.done, this.table.element);
  }

  update({ limits, operates }) {
    this.purge.hidden = !operates;
    const held = limits?.cache_entries ?? null;
    text(this.lead, held === null ? '' : `${format.count(held)} stored responses, ${format.bytes(limits.cache_bytes)}.`);
    this.table.update(limits?.cache ?? []);
  }

  #purge() {
    ask({
      title: 'Purge stored responses', act: 'Purge',
      asks: [
        { name: 'tags', label: 'Tags, one a line', kind: 'lines', hint: 'Such as order:1. Responses with one of them are fetched anew.' },
        { name: 'reason', label: 'Reason', hint: 'It stands in the audit log.' },
      ],
      done: async ({ tags, reason }) => {
        const wanted = tags.split('\n').map((tag) => tag.trim()).filter(Boolean);
        const delivery = await send('POST', '/cache/purge', { tags: wanted, reason });
        text(this.done, `Purged: ${wanted.join(', ')}.${waiting(delivery)}`);
      },
    });
  }
}

// waiting says that not every process of the fleet has said that it purged.
function waiting({ processes = 1, acknowledged = 1, kept = false }) {
  if (!kept && acknowledged >= processes) return '';
  return kept ? ' The others of the fleet hear of it as soon as they can be reached.' : ` ${acknowledged} of ${processes} gateways have said so yet.`;
}
