// The services behind the gateway, and the addresses of each.

import { el } from './dom.js';
import * as format from './format.js';

export class Upstreams {
  name = 'upstreams';
  paths = ['/upstreams'];

  constructor() {
    this.element = el('div', {}, el('h2', {}, 'Upstreams'));
  }

  update(about, upstreams) {
    const said = JSON.stringify(upstreams);
    if (said === this.said) return;
    this.said = said;
    const tables = Object.entries(upstreams).sort().flatMap(([name, upstream]) => [
      el('h2', {}, `${name} `, mark(upstream.state)),
      el('p', { class: 'c-quiet' }, `${upstream.target} · ${format.count(upstream.in_flight)} calls in flight`),
      el('div', { class: 'scroll' }, el('table', {},
        el('thead', {}, el('tr', {}, ['Address', 'State', 'Connections', 'In flight', 'Share', 'Ejected for'].map((title) => el('th', { scope: 'col' }, title)))),
        el('tbody', {}, upstream.addresses.map(row)))),
    ]);
    this.element.replaceChildren(...tables);
  }
}

function row(address) {
  const connections = Object.entries(address.connections).map(([state, n]) => `${n} ${state.toLowerCase()}`).join(', ');
  return el('tr', {},
    el('th', { scope: 'row' }, address.address), el('td', {}, mark(address.state)), el('td', {}, connections),
    el('td', {}, format.count(address.in_flight)), el('td', {}, format.share(address.share)),
    el('td', {}, (address.ejected ?? []).map((e) => e.method).join(', ')));
}

function mark(state) {
  const how = { READY: 'good', TRANSIENT_FAILURE: 'bad' }[state] ?? '';
  return el('span', { class: `mark ${how}` }, state.toLowerCase().replace('_', ' '));
}
