// The services behind the gateway, and the addresses of each.

import { el, mark, set, text } from './dom.js';
import { Table } from './table.js';
import * as format from './format.js';

const states = { READY: 'good', TRANSIENT_FAILURE: 'bad' };

const columns = [
  { title: 'Address', words: true, first: 'ascending', of: (a) => a.address, said: (a) => a.address, draw: (a) => el('code', {}, a.address) },
  { title: 'State', words: true, first: 'ascending', of: (a) => a.state, said: (a) => a.state, draw: (a) => mark(words(a.state), states[a.state]) },
  { title: 'Connections', words: true, write: (a) => Object.entries(a.connections ?? {}).map(([state, n]) => `${n} ${words(state)}`).join(', ') || '–' },
  { title: 'In flight', of: (a) => a.in_flight, write: (a) => format.count(a.in_flight) },
  { title: 'Share', of: (a) => a.share, write: (a) => format.share(a.share) },
  { title: 'Left out for', words: true, said: (a) => JSON.stringify(a.ejected), draw: (a) => (a.ejected?.length ? a.ejected.map(ejection) : '–') },
];

const words = (state) => ({ TRANSIENT_FAILURE: 'not reached' })[state] ?? state.toLowerCase();

function ejection(e) {
  return el('span', { class: 'ejection' }, e.method, mark(e.shadow ? `would be ${format.words(e.state)}` : format.words(e.state), e.shadow ? '' : 'warn'));
}

export class Upstreams {
  title = 'Upstreams';
  asks = { upstreams: '/upstreams' };

  constructor() {
    this.shown = new Map();
    this.element = el('div', { class: 'upstreams' });
  }

  update({ upstreams }) {
    const told = Object.entries(upstreams ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, upstream] of told) {
      let section = this.shown.get(name);
      if (!section) this.shown.set(name, section = this.#add(name));
      section.update(upstream);
    }
  }

  #add(name) {
    const section = new Upstream(name);
    this.element.append(section.element);
    return section;
  }
}

class Upstream {
  constructor(name) {
    this.state = mark('');
    this.lead = el('p', { class: 'lead' });
    this.table = new Table({ label: `Addresses of ${name}`, columns, id: (a) => a.address, sorted: 0, none: 'No address yet: it is connected with the first call.' });
    this.element = el('section', {}, el('h2', {}, name, ' ', this.state), this.lead, this.table.element);
  }

  update(upstream) {
    text(this.state, words(upstream.state));
    set(this.state, 'class', `mark ${states[upstream.state] ?? ''}`);
    text(this.lead, `${upstream.target} · ${format.count(upstream.in_flight)} calls in flight`);
    this.table.update(upstream.addresses ?? []);
  }
}
