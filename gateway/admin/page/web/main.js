// The page: what its address says is shown, and asked for again every five seconds.

import { get, keep, Unauthorized } from './api.js';
import { el, text } from './dom.js';
import { since } from './format.js';
import { Overview } from './overview.js';
import { Method } from './method.js';
import { Upstreams } from './upstreams.js';

const every = 5000;
const main = document.getElementById('main');
const state = document.getElementById('state');
let view = null;
let timer = 0;
let turn = 0;

// chosen makes the view that the address names.
function chosen() {
  const place = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
  if (place.startsWith('methods/')) return new Method(place.slice('methods/'.length));
  if (place === 'upstreams') return new Upstreams();
  return new Overview();
}

async function show() {
  view = chosen();
  main.replaceChildren(view.element);
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.view === view.name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  await refresh();
}

// refresh asks again. Of two that overlap only the later one is shown.
async function refresh() {
  clearTimeout(timer);
  const mine = ++turn;
  const shown = view;
  try {
    const [about, ...answers] = await Promise.all([get('/api/overview'), ...shown.paths.map(get)]);
    if (mine !== turn) return;
    const began = performance.now();
    head(about);
    shown.update(about, ...answers);
    main.dataset.updated = (performance.now() - began).toFixed(1);
  } catch (err) {
    if (mine !== turn) return;
    text(state, err instanceof Unauthorized ? err.message : `not reached: ${err.message}`);
    state.className = 'mark bad';
    if (err instanceof Unauthorized) {
      main.replaceChildren(login());
      return;
    }
  }
  timer = setTimeout(refresh, every);
}

// login asks for a token of the admin address.
function login() {
  const token = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: true });
  const submit = (event) => { event.preventDefault(); keep(token.value.trim()); show(); };
  return el('form', { class: 'tile login', onsubmit: submit },
    el('label', { for: 'token' }, 'Token with the role read'), token, el('button', { type: 'submit' }, 'Show'));
}

function head(about) {
  document.title = about.name;
  text(document.getElementById('name'), about.name);
  text(document.getElementById('about'), `${about.version} · runs ${since(new Date(about.started), new Date(about.at))}`);
  text(state, about.ready ? 'takes traffic' : 'takes no traffic');
  state.className = about.ready ? 'mark good' : 'mark bad';
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
window.addEventListener('hashchange', () => { show(); main.focus({ preventScroll: true }); });
show();
