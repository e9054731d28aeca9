// An override of one method: a block, its new value, why, and for how long. It is tried
// first, and what would change is shown.

import { el, mark, methodLink } from './dom.js';
import { labelled, reasons } from './dialog.js';
import { send } from './api.js';
import { valueOf } from './policy.js';

// Blocks that no override changes, or that mean nothing at run time.
const fixed = ['permits', 'objective', 'response', 'version'];

const others = ['timeout', 'retry', 'hedge', 'circuit_breaker', 'rate_limits', 'cache', 'concurrency', 'auth', 'limits'];

const times = [['', 'Choose'], ['15m', '15 minutes'], ['1h', '1 hour'], ['4h', '4 hours'], ['24h', '24 hours']];

export class OverrideForm {
  constructor(method, page) {
    Object.assign(this, { method, page, policy: {}, open: false });
    this.toggle = el('button', { type: 'button', class: 'act', 'aria-expanded': 'false', onclick: () => this.#open(!this.open) }, 'Override a block');
    this.place = el('div');
    this.done = el('p', { class: 'done', role: 'status' });
    this.element = el('div', { class: 'override', hidden: true }, this.toggle, this.place, this.done);
  }

  // update takes the policy in force. What somebody writes stays.
  update(policy, operates) {
    this.policy = policy;
    this.element.hidden = !operates;
  }

  #open(open) {
    this.open = open;
    this.toggle.setAttribute('aria-expanded', String(open));
    this.toggle.textContent = open ? 'Close' : 'Override a block';
    this.toggle.className = open ? '' : 'act';
    this.place.replaceChildren(...open ? [this.#form()] : []);
    if (open) this.place.querySelector('select').focus();
  }

  #form() {
    const blocks = [...Object.keys(this.policy), ...others].filter((name, i, all) => all.indexOf(name) === i && !fixed.includes(name));
    this.result = el('div', { class: 'result', role: 'status' });
    this.apply = el('button', { type: 'button', class: 'act', disabled: true, onclick: () => this.#apply() }, 'Apply');
    this.form = el('form', { class: 'tile', onsubmit: (event) => { event.preventDefault(); this.#try(); }, oninput: () => this.#touched() },
      labelled({ name: 'block', label: 'Block', kind: 'choice', options: blocks.map((name) => [name, name in this.policy ? name : `${name} (has none)`]), value: blocks[0], onchange: () => this.#fill() }),
      labelled({ name: 'value', label: 'Value, as JSON', kind: 'code', hint: 'The whole block: a field that is left out has its default. {"disabled": true} takes it away.' }),
      labelled({ name: 'reason', label: 'Reason', hint: 'It stands in the audit log, and beside the policy.' }),
      labelled({ name: 'for', label: 'For', kind: 'choice', options: times, hint: 'It ends by itself then, and at a restart.' }),
      el('div', { class: 'buttons' }, el('button', { type: 'submit' }, 'Try it'), this.apply), this.result);
    this.#fill();
    return this.form;
  }

  #fill() {
    const { block, value } = this.form.elements;
    value.value = JSON.stringify(this.policy[block.value] ?? {}, null, 2);
  }

  // touched takes the result of a trial away once something else is asked for.
  #touched() {
    this.apply.disabled = true;
    this.result.replaceChildren();
  }

  #asked() {
    const { block, value, reason, for: time } = this.form.elements;
    let written;
    try {
      written = JSON.parse(value.value);
    } catch (err) {
      throw new Error(`The value is no JSON: ${err.message}`);
    }
    return { methods: this.method, policy: { [block.value]: written }, reason: reason.value, for: time.value };
  }

  async #try() {
    try {
      const { changes } = await send('POST', '/api/overrides?dry_run=true', this.#asked());
      this.result.replaceChildren(changed(changes ?? []));
      this.apply.disabled = !changes?.length;
    } catch (err) {
      this.#refused(err);
    }
  }

  async #apply() {
    try {
      const made = await send('POST', '/api/overrides', this.#asked());
      this.#open(false);
      this.done.replaceChildren(`In force, until ${new Date(made.expires).toLocaleTimeString('en', { hourCycle: 'h23' })}. `, el('a', { href: '#/overrides' }, 'All overrides'));
      this.toggle.focus();
      await this.page.refresh();
    } catch (err) {
      this.#refused(err);
    }
  }

  #refused(err) {
    this.apply.disabled = true;
    this.result.replaceChildren(el('div', { class: 'faults', role: 'alert' }, reasons(err)));
  }
}

// changed shows each block before and after.
function changed(changes) {
  if (changes.length === 0) return el('p', {}, 'It would change nothing.');
  return el('div', { class: 'changes' }, changes.map(({ method, block, before, after }) => el('div', { class: 'change' },
    el('h3', {}, methodLink(method), ' ', el('code', {}, block)),
    el('div', { class: 'sides' },
      el('div', {}, mark('before'), side(before)), el('div', {}, mark('after', 'good'), side(after))))));
}

const side = (value) => (value === null || value === undefined ? el('p', { class: 'c-quiet' }, 'no such block') : valueOf(value));
