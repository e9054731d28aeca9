// The page: what its address says is shown, and asked for again every five seconds.

import { get, hasToken, keep, Unauthorized } from './api.js';
import { el, set, text } from './dom.js';
import { span } from './format.js';
import { concerns } from './attention.js';
import { Overview } from './overview.js';
import { Methods } from './methods.js';
import { Method } from './method.js';
import { Objectives } from './objectives.js';
import { Refusals } from './refusals.js';
import { Limits } from './limits.js';
import { Cache } from './cache.js';
import { Overrides } from './overrides.js';
import { Upstreams } from './upstreams.js';
import { Streams } from './streams.js';
import { Callers } from './callers.js';

const every = 5000;

const views = {
  '': Overview, methods: Methods, objectives: Objectives, refusals: Refusals, limits: Limits, cache: Cache,
  overrides: Overrides, upstreams: Upstreams, streams: Streams, callers: Callers,
};

const groups = [
  ['Watch', [['', 'Overview'], ['methods', 'Methods'], ['objectives', 'Objectives'], ['refusals', 'Refusals']]],
  ['Policies', [['limits', 'Limits'], ['cache', 'Cache'], ['overrides', 'Overrides']]],
  ['Connections', [['upstreams', 'Upstreams'], ['streams', 'Streams'], ['callers', 'Callers']]],
];

const named = (id) => document.getElementById(id);
const main = named('main');
const links = new Map();
let view = null;
let me = null;
let timer = 0;
let turn = 0;
let updates = 0;
let paused = false;

function navigation() {
  named('nav').replaceChildren(...groups.map(([title, entries]) => el('div', { class: 'group' },
    el('p', { 'aria-hidden': 'true' }, title),
    el('ul', { 'aria-label': title }, entries.map(([place, words]) => {
      const badge = el('span', { class: 'badge' });
      const link = el('a', { href: `#/${place}` }, words, badge);
      links.set(place, { link, badge });
      return el('li', {}, link);
    })))));
}

// chosen makes the view that the address names.
function chosen() {
  const place = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
  const page = { refresh };
  if (place.startsWith('methods/')) return new Method(place.slice('methods/'.length), page);
  const name = place in views ? place : '';
  const made = new views[name](place, page);
  made.section = name;
  return made;
}

async function show() {
  view = chosen();
  main.replaceChildren(el('h1', {}, view.heading ?? view.title), view.element, el('p', { id: 'silent', class: 'empty', hidden: true }, 'This gateway does not tell that.'));
  set(main, 'aria-busy', 'true');
  for (const [place, { link }] of links) set(link, 'aria-current', place === view.section ? 'page' : null);
  links.get(view.section)?.link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  await refresh();
}

// refresh asks again. Of two that overlap only the later one is shown.
async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  const shown = view;
  try {
    const told = await tell(shown);
    if (mine !== turn) return;
    draw(shown, told);
  } catch (err) {
    if (mine !== turn) return;
    if (err instanceof Unauthorized) {
      login(err.message);
      return;
    }
    state(`not reached: ${err.message}`, 'bad');
  }
  if (!paused) timer = setTimeout(refresh, every);
}

// tell asks for the process and for what a view shows, and says what absent is.
async function tell(shown) {
  const asks = { about: '/api/overview', ...shown.asks };
  me ??= await get('/api/me') ?? { role: 'read' }; // first, so that one request alone lacks a token
  const answers = await Promise.all(Object.values(asks).map(get));
  return { ...Object.fromEntries(Object.keys(asks).map((name, i) => [name, answers[i]])), operates: me.role === 'operate' };
}

function draw(shown, told) {
  const began = performance.now();
  head(told);
  const tells = Object.keys(shown.asks).some((name) => told[name] !== null);
  shown.element.hidden = !tells;
  named('silent').hidden = tells;
  if (tells) shown.update(told);
  set(main, 'aria-busy', null);
  main.dataset.updated = (performance.now() - began).toFixed(1);
  main.dataset.updates = String(++updates);
}

// login asks for a token of the admin address.
function login(why) {
  me = null;
  const token = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: true, 'aria-describedby': 'token-why' });
  const submit = (event) => { event.preventDefault(); keep(token.value.trim()); show(); };
  state('', '');
  text(named('operator'), '');
  named('leave').hidden = true;
  main.replaceChildren(el('h1', {}, 'Sign in'), el('form', { class: 'tile login', onsubmit: submit },
    el('p', { id: 'token-why', role: 'alert' }, why),
    el('p', { class: 'field' }, el('label', { for: 'token' }, 'Token'), token, el('small', {}, 'One with the role read, or operate. It stays in this tab.')),
    el('div', { class: 'buttons' }, el('button', { type: 'submit', class: 'act' }, 'Show'))));
  set(main, 'aria-busy', null);
  token.focus();
}

function head(told) {
  const { about } = told;
  document.title = `${view.title} · ${about.name}`;
  text(named('name'), about.name);
  text(named('about'), `${about.version} · runs for ${span(Math.floor((new Date(about.at) - new Date(about.started)) / 1000))}`);
  text(named('operator'), me.operator ? `${me.operator} · ${me.role === 'operate' ? 'may operate' : 'may read'}` : '');
  named('leave').hidden = !hasToken();
  if (!paused) state(about.ready ? 'takes traffic' : 'takes no traffic', about.ready ? 'good' : 'bad');
  if (view.section === '') count('', concerns(told).filter(({ how }) => how !== 'note').length);
  if (told.overrides !== undefined) count('overrides', told.overrides?.overrides?.length ?? 0);
}

function count(place, n) {
  text(links.get(place).badge, n ? String(n) : '');
}

function state(words, how) {
  text(named('state'), words);
  set(named('state'), 'class', `mark ${how}`);
}

named('live').addEventListener('click', () => {
  paused = !paused;
  set(named('live'), 'aria-pressed', String(paused));
  if (!paused) refresh();
  else { clearTimeout(timer); state('paused', 'warn'); }
});
named('leave').addEventListener('click', () => { keep(null); me = null; show(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden && !paused) refresh(); });
window.addEventListener('hashchange', () => { show(); window.scrollTo(0, 0); main.focus({ preventScroll: true }); });
navigation();
show();
