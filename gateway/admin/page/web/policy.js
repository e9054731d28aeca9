// The policy in force of a method, with where each block is written.

import { el, mark } from './dom.js';
import { words } from './format.js';

// valueOf writes a block's value: a line for each field.
export function valueOf(value) {
  if (Array.isArray(value)) return el('ol', { class: 'values' }, value.map((each) => el('li', {}, valueOf(each))));
  if (value === null || typeof value !== 'object') return el('code', {}, plain(value));
  const fields = Object.entries(value).filter(([name]) => name !== 'mode');
  const mode = value.mode && value.mode !== 'MODE_ENFORCE' ? mark(words(value.mode.replace('MODE_', ''))) : null;
  return el('span', { class: 'fields' }, mode, fields.map(([name, each]) => el('span', {}, el('span', { class: 'key' }, name), ' ', el('code', {}, plain(each)))),
    fields.length === 0 && !mode && el('code', {}, 'on'));
}

function plain(value) {
  if (value === null) return 'none';
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : tidy(String(value));
}

// tidy leaves out of a duration what is none of it: 1m0s is 1m.
const tidy = (value) => (/^[\dhms]+$/.test(value) ? value.replace(/(?<=m)0s$/, '').replace(/(?<=h)0m$/, '') : value);

// policyTable has a row for each block.
export function policyTable(policy) {
  const permits = new Map((policy.permits ?? []).map((permit) => [permit.field, permit]));
  const rows = Object.entries(policy.policy).map(([block, value]) => el('tr', {},
    el('th', { scope: 'row', class: 'words' }, el('code', {}, block)),
    el('td', { class: 'words' }, valueOf(value), permitted(block, permits)),
    el('td', { class: 'words' }, origin(policy, block))));
  const body = el('tbody', {}, rows.length ? rows : el('tr', {}, el('td', { colspan: '3', class: 'words' }, 'Nothing is written: requests pass as they are.')));
  return el('table', { class: 'policy' },
    el('thead', {}, el('tr', {}, ['Block', 'Value, defaults included', 'Written at'].map((title) => el('th', { scope: 'col', class: 'words' }, title)))), body);
}

// origin is the line, or the override, behind a block: the gateway names an override by
// its place and then its methods.
function origin(policy, block) {
  const from = policy.origins?.[block];
  if (!from) return el('span', { class: 'c-quiet' }, 'a default');
  const [place, override] = from.split(': override of ');
  return [el('code', {}, place), override && mark('override', 'warn')];
}

// permitted tells what operators may change, where the author says so.
function permitted(block, permits) {
  const of = [...permits.values()].filter(({ field }) => field === block || field.startsWith(`${block}.`));
  return of.length ? el('p', { class: 'permits' }, of.map(({ field, fixed, min, max }) => `${field}: ${fixed ? 'fixed' : `${min || 'any'} to ${max || 'any'}`}`).join('; ')) : null;
}
