// What the gateway has refused lately, or would have refused.

import { el, mark, methodLink, text } from './dom.js';
import { Table } from './table.js';
import * as format from './format.js';

const id = (r) => `${r.at} ${r.request_id} ${r.policy} ${r.limit} ${r.mode}`;

const columns = [
  { title: 'At', words: true, of: (r) => r.at, write: (r) => format.moment(r.at) },
  { title: 'Method', words: true, first: 'ascending', of: (r) => r.method, said: (r) => r.method, draw: (r) => (r.method ? methodLink(r.method) : r.route ?? '–') },
  { title: 'Status', of: (r) => r.status, write: (r) => (r.status ? String(r.status) : '–') },
  { title: 'Refused by', words: true, first: 'ascending', of: (r) => r.policy, said: (r) => `${r.policy} ${r.limit} ${r.mode}`, draw: (r) => [el('code', {}, r.limit ? `${r.policy}: ${r.limit}` : r.policy || '–'), r.mode === 'shadow' && mark('would have')] },
  { title: 'Reason', words: true, first: 'ascending', of: (r) => r.reason, said: (r) => r.reason || r.would, draw: (r) => el('code', {}, r.reason || r.would || '–') },
  { title: 'Request id', words: true, said: (r) => r.request_id, draw: (r) => el('code', {}, r.request_id || '–') },
  { title: 'Trace id', words: true, said: (r) => r.trace_id, draw: (r) => el('code', {}, r.trace_id || '–') },
  { title: 'Caller', words: true, said: (r) => r.user ?? r.user_hash, draw: (r) => el('code', {}, r.user || r.user_hash || '–') },
];

export function refusalTable({ but = [], ...options }) {
  return new Table({ columns: columns.filter((column) => !but.includes(column.title)), id, noun: 'refusals', none: 'Nothing was refused.', ...options });
}

export class Refusals {
  title = 'Refusals';
  asks = { refusals: '/api/refusals?limit=200' };

  constructor() {
    this.lead = el('p', { class: 'lead' });
    this.table = refusalTable({
      label: 'Recent refusals', placeholder: 'Filter by method, policy, reason or id',
      search: (r) => [r.method, r.route, r.policy, r.limit, r.reason, r.request_id, r.trace_id, r.user, r.user_hash, r.mode, String(r.status)],
    });
    this.element = el('div', {}, this.lead, this.table.element);
  }

  update({ refusals }) {
    const out = refusals?.left_out ? ` ${format.count(refusals.left_out)} more found no place.` : '';
    text(this.lead, `The latest, newest first. A client reads its request id in X-Request-Id and in the error.${out}`);
    this.table.update(refusals?.refusals ?? []);
  }
}
