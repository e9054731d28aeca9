// One method: its charts, and the policy that holds for it with where it is written.

import { el } from './dom.js';
import { Chart } from './charts.js';
import { requestCharts } from './overview.js';
import * as format from './format.js';

const colors = ['ok', 'p95', 'p99', 'client', 'error', 'quiet'];

export class Method {
  name = 'method';

  constructor(method) {
    this.paths = [`/api/methods/${method}`];
    this.charts = requestCharts();
    this.facts = el('dl');
    this.tiles = el('div', { class: 'tiles' }, this.charts.elements);
    this.policy = el('div', { class: 'scroll' });
    this.events = {};
    this.element = el('div', {},
      el('h2', {}, method), this.facts, el('h2', {}, 'Requests'), this.tiles, el('h2', {}, 'Policy in force'), this.policy);
  }

  update(about, method) {
    this.charts.update(method, method.columns);
    this.chart('cache.', 'Cache, a second', method.columns);
    this.chart('limit.', 'Rate limits, a second', method.columns);
    this.chart('attempt.', 'Attempts, a second', method.columns);
    this.chart('shadow.', 'Would have been refused, a second', method.columns);
    this.describe(method);
  }

  // chart draws the events of a kind, once there are any.
  chart(prefix, title, columns) {
    const names = Object.keys(columns.rates).filter((name) => name.startsWith(prefix)).sort();
    if (names.length === 0) return;
    const key = names.join();
    if (this.events[prefix]?.key !== key) {
      this.events[prefix]?.chart.element.remove();
      const lines = names.map((name, i) => ({ name: name.slice(prefix.length).replace('_', ' '), color: colors[i % colors.length] }));
      this.events[prefix] = { key, chart: new Chart(title, lines, format.rate) };
      this.tiles.append(this.events[prefix].chart.element);
    }
    this.events[prefix].chart.update(columns.times, names.map((name) => columns.rates[name]),
      names.map((name) => format.rate(columns.rates[name].at(-1))).join(' · '));
  }

  describe(method) {
    const facts = [['Routes', method.routes.join(', ')]];
    if (method.breaker) facts.push(['Circuit breaker', method.breaker.replace('_', '-')]);
    if (method.deprecated) facts.push(['Deprecated', method.deprecated]);
    if (method.sunset) facts.push(['Sunset', method.sunset]);
    const said = JSON.stringify([facts, method.policy]);
    if (said === this.said) return;
    this.said = said;
    this.facts.replaceChildren(...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
    this.policy.replaceChildren(policyTable(method.policy));
  }
}

// policyTable has a row for each block, with the line or the override behind it.
function policyTable(policy) {
  const overrides = (policy.overrides ?? []).map((o) => el('p', {}, `Override ${o.source}`, o.reason ? `: ${o.reason}` : '', o.expires ? ` (until ${o.expires})` : ''));
  const rows = Object.entries(policy.policy).map(([block, value]) => el('tr', {},
    el('th', { scope: 'row' }, block),
    el('td', {}, el('code', {}, policy.origins?.[block] ?? 'default')),
    el('td', {}, el('code', {}, JSON.stringify(value)))));
  const body = el('tbody', {}, rows.length ? rows : el('tr', {}, el('td', { colspan: '3' }, 'Nothing is written.')));
  const table = el('table', { class: 'policy' },
    el('thead', {}, el('tr', {}, ['Block', 'Written at', 'Value'].map((title) => el('th', { scope: 'col' }, title)))), body);
  return el('div', {}, overrides, table);
}
