// One method: its charts, what it promises, the policy that holds for it, and what was
// refused.

import { el, mark, method as named, once } from './dom.js';
import { Chart, Cursor } from './charts.js';
import { objectiveTable } from './objectives.js';
import { undo } from './overrides.js';
import { OverrideForm } from './overrideform.js';
import { policyTable } from './policy.js';
import { refusalTable } from './refusals.js';
import { requestCharts } from './requests.js';
import * as format from './format.js';

const colors = ['ok', 'p95', 'p99', 'client', 'error', 'quiet'];

const kinds = [
  ['cache.', 'Cache, a second'], ['limit.', 'Rate limits, a second'], ['attempt.', 'Attempts, a second'],
  ['shed.', 'Shed, a second'], ['shadow.', 'In shadow: would have been, a second'],
];

export class Method {
  section = 'methods';

  constructor(method, page) {
    Object.assign(this, { page, method, events: {}, cursor: new Cursor(), changed: once() });
    this.title = method.slice(method.lastIndexOf('.', method.indexOf('/')) + 1);
    this.heading = named(method);
    this.asks = {
      detail: `/api/methods/${encodeURI(method)}`, objectives: '/api/objectives', overrides: '/api/overrides',
      refusals: `/api/refusals?method=${encodeURIComponent(method)}&limit=20`,
    };
    this.charts = requestCharts(this.cursor);
    this.facts = el('dl', { class: 'facts' });
    this.tiles = el('div', { class: 'tiles small' });
    this.overrides = el('div');
    this.form = new OverrideForm(method, page);
    this.policy = el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Policy in force' });
    this.objectives = objectiveTable({ label: 'Objectives of this method', but: ['Method'] });
    this.promised = el('section', { hidden: true }, el('h2', {}, 'Promised'), this.objectives.element);
    this.refusals = refusalTable({ label: 'Refusals of this method', but: ['Method'] });
    this.refused = el('section', { hidden: true }, el('h2', {}, 'Refused lately'), this.refusals.element);
    this.known = el('div', {}, this.facts,
      el('div', { class: 'tiles' }, this.charts.elements), this.tiles, this.promised,
      el('h2', {}, 'Policy in force'), this.overrides, this.policy, this.form.element, this.refused);
    this.unknown = el('p', { class: 'empty', hidden: true }, 'This gateway has no such method.');
    this.element = el('div', {}, this.known, this.unknown);
  }

  update({ detail, objectives, overrides, refusals, operates }) {
    this.known.hidden = !detail;
    this.unknown.hidden = Boolean(detail);
    if (!detail) return;
    this.charts.update(detail, detail.columns);
    for (const [prefix, title] of kinds) this.#chart(prefix, title, detail.columns);
    const promises = (objectives?.objectives ?? []).filter((each) => each.method === this.method);
    this.promised.hidden = promises.length === 0;
    this.objectives.update(promises);
    this.refused.hidden = !refusals;
    this.refusals.update(refusals?.refusals ?? []);
    this.form.update(detail.policy.policy, operates && overrides !== null);
    const over = (overrides?.overrides ?? []).filter((each) => each.matches?.includes(this.method));
    this.#describe(detail, over, operates);
  }

  // chart draws the events of a kind, once there are any.
  #chart(prefix, title, columns) {
    const names = Object.keys(columns.rates).filter((name) => name.startsWith(prefix)).sort();
    if (names.length === 0) return;
    const key = names.join();
    if (this.events[prefix]?.key !== key) this.#begin(prefix, title, names, key);
    this.events[prefix].chart.update(columns.times, names.map((name) => columns.rates[name]), '');
  }

  #begin(prefix, title, names, key) {
    const old = this.events[prefix]?.chart;
    const lines = names.map((name, i) => ({ name: format.words(name.slice(prefix.length)), color: colors[i % colors.length] }));
    const chart = new Chart(this.cursor, title, lines, format.rate);
    this.cursor.charts = this.cursor.charts.filter((each) => each !== old);
    if (old) old.element.replaceWith(chart.element);
    else this.tiles.append(chart.element);
    this.events[prefix] = { key, chart };
  }

  #describe(detail, over, operates) {
    this.changed([detail.routes, detail.breaker, detail.deprecated, detail.sunset, detail.policy, over, operates], () => {
      const facts = [['Routes', detail.routes.map((route) => el('code', { class: 'route' }, route))]];
      if (detail.breaker) facts.push(['Circuit breaker', mark(format.words(detail.breaker), detail.breaker === 'closed' ? 'good' : 'bad')]);
      if (detail.deprecated) facts.push(['Deprecated', format.day(detail.deprecated)]);
      if (detail.sunset) facts.push(['Sunset', format.day(detail.sunset)]);
      this.facts.replaceChildren(...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
      const told = over.length ? over : detail.policy.overrides ?? [];
      this.overrides.replaceChildren(...told.map((each) => this.#note(each, operates)));
      this.policy.replaceChildren(policyTable(detail.policy));
    });
  }

  #note(each, operates) {
    const memory = each.source === 'memory' && each.id;
    const told = [each.reason, each.expires && `until ${format.moment(each.expires)}`, each.operator && `by ${each.operator}`].filter(Boolean);
    return el('p', { class: 'note' }, mark(memory ? 'override, lost at a restart' : 'override', 'warn'),
      el('code', {}, Object.keys(each.policy ?? {}).join(', ') || each.source), el('span', {}, told.join(' · ')),
      memory && operates && el('button', { type: 'button', class: 'small', onclick: () => undo(each, this.page) }, 'Undo'));
  }
}
