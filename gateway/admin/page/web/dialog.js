// Questions before something is changed: a dialog with fields that must be filled.

import { el } from './dom.js';

// ask opens a dialog that asks [{name, label, hint, kind}], and calls done with their
// values. It stays open with the reasons where that is refused.
export function ask({ title, explain, asks, act, done }) {
  const before = document.activeElement;
  const faults = el('div', { class: 'faults', role: 'alert' });
  const go = el('button', { type: 'submit', class: 'act' }, act);
  const form = el('form', { method: 'dialog', onsubmit: submit },
    el('h2', { id: 'dialog-title' }, title), explain && el('p', {}, explain),
    asks.map((field) => labelled(field)), faults,
    el('div', { class: 'buttons' }, el('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'), go));
  const dialog = el('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => { dialog.remove(); before?.focus(); } }, form);
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      await done(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (err) {
      faults.replaceChildren(...reasons(err));
      go.disabled = false;
      go.focus();
    }
  }
  document.body.append(dialog);
  dialog.showModal();
}

let fields = 0; // that have been made, so that each has a name of its own

// labelled is a field with its label and what it is for.
export function labelled({ name, label, hint, kind = 'text', value = '', options, ...others }) {
  const id = `field-${++fields}`;
  const about = hint ? `${id}-hint` : null;
  const common = { id, name, required: true, 'aria-describedby': about, ...others };
  const field = {
    text: () => el('input', { ...common, value, autocomplete: 'off', maxlength: '500' }),
    lines: () => el('textarea', { ...common, rows: '3', spellcheck: 'false' }, value),
    code: () => el('textarea', { ...common, rows: '9', spellcheck: 'false', class: 'code' }, value),
    choice: () => el('select', common, options.map(([of, words]) => el('option', { value: of, selected: of === value }, words))),
  }[kind]();
  return el('p', { class: 'field' }, el('label', { for: id }, label), field, hint && el('small', { id: about }, hint));
}

// reasons writes why something was refused.
export function reasons(err) {
  const faults = (err.faults ?? []).filter((fault) => fault !== err.message);
  return [el('p', {}, err.message), faults.length ? el('ul', {}, faults.map((fault) => el('li', {}, fault))) : null].filter(Boolean);
}
