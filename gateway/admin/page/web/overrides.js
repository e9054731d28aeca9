// What operators have laid over the annotated policies.

import { el, copying, mark, methodLink, once, text } from './dom.js';
import { ask } from './dialog.js';
import { send } from './api.js';
import { valueOf } from './policy.js';
import * as format from './format.js';

export class Overrides {
  title = 'Overrides';
  asks = { overrides: '/api/overrides' };

  constructor(place, page) {
    this.page = page;
    this.lead = el('p', { class: 'lead' });
    this.list = el('div', { class: 'cards' });
    this.yaml = el('div');
    this.changed = once();
    this.element = el('div', {}, this.lead, this.list, this.yaml);
  }

  update({ overrides, operates }) {
    const told = overrides?.overrides ?? [];
    const n = told.filter((each) => each.source === 'memory').length;
    text(this.lead, told.length === 0 ? 'None is in force: every method does as its author wrote.'
      : `${told.length} in force, ${n} of them in the memory of this process alone. A later one wins.${operates ? '' : ' Your role may not change them.'}`);
    this.changed([told, overrides?.yaml, operates], () => {
      this.list.replaceChildren(...told.map((each) => card(each, operates, this.page)));
      this.yaml.replaceChildren(...n > 0 && overrides.yaml ? block(overrides.yaml) : []);
    });
  }
}

// card is one override; that of the memory can be undone.
function card(each, operates, page) {
  const memory = each.source === 'memory';
  const facts = [
    ['Reason', each.reason || '–'],
    ['Until', each.expires ? format.moment(each.expires) : 'somebody takes it out'],
    each.operator ? ['By', `${each.operator}, ${format.moment(each.added)}`] : null,
    each.matches ? ['Holds for', el('span', { class: 'holds' }, each.matches.slice(0, 20).map((name) => methodLink(name)), each.matches.length > 20 && `and ${each.matches.length - 20} more`)] : null,
  ].filter(Boolean);
  return el('article', { class: 'tile' },
    el('div', { class: 'bar' }, el('h2', {}, el('code', {}, each.methods), ' ', memory ? mark('lost at a restart', 'warn') : mark(each.source)),
      memory && operates && el('button', { type: 'button', onclick: () => undo(each, page) }, 'Undo')),
    el('dl', { class: 'facts' }, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    el('dl', { class: 'blocks' }, Object.entries(each.policy ?? {}).flatMap(([name, value]) => [el('dt', {}, el('code', {}, name)), el('dd', {}, valueOf(value))])));
}

// block offers what is in memory for the file.
function block(yaml) {
  return [
    el('div', { class: 'bar' }, el('h2', {}, 'For the file'), copying('Copy', () => yaml)),
    el('p', { class: 'lead' }, 'What stands in the configuration file survives a restart, and can be reviewed.'),
    el('pre', { tabindex: '0', role: 'region', 'aria-label': 'Overrides as YAML' }, yaml),
  ];
}

// undo takes an override out of the memory.
export function undo(each, page) {
  ask({
    title: 'Undo this override', act: 'Undo', explain: `${each.methods} then does again what is written.`,
    asks: [{ name: 'reason', label: 'Reason', hint: 'It stands in the audit log.' }],
    done: async ({ reason }) => {
      await send('DELETE', `/api/overrides/${encodeURIComponent(each.id)}`, { reason });
      await page.refresh();
    },
  });
}
