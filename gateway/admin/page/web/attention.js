// What wants somebody's attention, the worst first.

import { el, once, set } from './dom.js';
import * as format from './format.js';

// shown is how many are listed: more are no list any longer.
const shown = 8;

const rank = { bad: 0, warn: 1, note: 2 };

// concerns returns [{how, what, detail, href}] of what the gateway has told.
export function concerns({ about, objectives, upstreams, overrides }) {
  return [ready(about), breakers(about), budgets(objectives), failing(upstreams), memory(overrides)].flat()
    .sort((a, b) => rank[a.how] - rank[b.how]);
}

// short leaves out a name's package.
const short = (method) => method.slice(method.lastIndexOf('.', method.indexOf('/')) + 1);

function ready(about) {
  return about.ready ? [] : [{ how: 'bad', what: 'It takes no traffic', detail: '/readyz says no', href: '/health' }];
}

function breakers(about) {
  return Object.entries(about.breakers ?? {}).filter(([, state]) => state !== 'closed').sort().map(([name, state]) => ({
    how: 'bad', what: `Circuit breaker ${format.words(state)}`, detail: name, href: '#/methods',
  }));
}

function budgets(objectives) {
  return (objectives?.objectives ?? []).filter((each) => each.remaining !== null && each.remaining < 0.25 && each.mode !== 'shadow').map((each) => ({
    how: each.remaining < 0 ? 'bad' : 'warn',
    what: each.remaining < 0 ? 'Objective broken' : 'Little budget left',
    detail: `${short(each.method)}: ${format.share(each.remaining)} of its budget for ${each.kind}`,
    href: '#/objectives',
  }));
}

function failing(upstreams) {
  return Object.entries(upstreams ?? {}).sort().flatMap(([name, upstream]) => {
    const addresses = upstream.addresses ?? [];
    if (upstream.state === 'TRANSIENT_FAILURE') return [{ how: 'bad', what: 'Upstream not reached', detail: name, href: '#/upstreams' }];
    const down = addresses.filter((each) => each.state === 'TRANSIENT_FAILURE').length;
    const ejected = addresses.filter((each) => each.ejected?.some((e) => !e.shadow)).length;
    return [
      down && { how: 'warn', what: 'Addresses not reached', detail: `${name}: ${down} of ${addresses.length}`, href: '#/upstreams' },
      ejected && { how: 'warn', what: 'Addresses left out', detail: `${name}: ${ejected} of ${addresses.length}`, href: '#/upstreams' },
    ].filter(Boolean);
  });
}

function memory(overrides) {
  const n = (overrides?.overrides ?? []).filter((each) => each.source === 'memory').length;
  return n ? [{ how: 'note', what: n === 1 ? 'An override in memory' : `${n} overrides in memory`, detail: 'lost at a restart', href: '#/overrides' }] : [];
}

// Attention is the list of them.
export class Attention {
  constructor() {
    this.list = el('ul', { class: 'attention' });
    this.element = el('section', { 'aria-label': 'Wants attention', 'aria-live': 'polite' }, this.list);
    this.changed = once();
  }

  update(all) {
    set(this.list, 'class', all.length ? 'attention' : 'attention calm');
    this.changed(all, () => this.list.replaceChildren(...(all.length ? [...all.slice(0, shown).map(line), ...more(all.length - shown)] : [el('li', {}, el('span', {}, 'Nothing wants attention.'))])));
  }
}

const more = (n) => (n > 0 ? [el('li', {}, el('span', {}, `and ${n} more`))] : []);

function line({ how, what, detail, href }) {
  return el('li', { class: how }, el('a', { href }, el('strong', {}, what), ' ', el('span', {}, detail)));
}
