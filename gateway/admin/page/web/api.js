// What the gateway is asked. A token, where one is needed, stays in this tab.

const kept = 'token';
const absent = new Set(); // what this gateway does not serve

export class Unauthorized extends Error {}

// Refused is a request that the gateway has refused, with its reasons.
export class Refused extends Error {
  constructor(message, faults = []) {
    super(message);
    this.faults = faults;
  }
}

export function keep(token) {
  absent.clear();
  if (token) sessionStorage.setItem(kept, token);
  else sessionStorage.removeItem(kept);
}

export const hasToken = () => sessionStorage.getItem(kept) !== null;

// get returns what a path tells, or null where this gateway has no such path: it may
// be older than the page's reader thinks, or serve less.
export async function get(path) {
  const place = path.split('?')[0];
  if (absent.has(place)) return null;
  const response = await ask(path);
  if (response.status === 404) {
    if (!place.startsWith('/api/methods/')) absent.add(place);
    return null;
  }
  if (!response.ok) throw new Refused(`${place}: ${response.status} ${response.statusText}`);
  return response.json();
}

// send changes something, and returns what the gateway says of it.
export async function send(verb, path, body) {
  const response = await ask(path, { method: verb, body: JSON.stringify(body) });
  const said = await response.text();
  if (response.ok) return said ? JSON.parse(said) : null;
  throw refusal(response, said);
}

function refusal(response, said) {
  try {
    const { error, faults } = JSON.parse(said);
    if (error) return new Refused(error, faults);
  } catch { /* it is text */ }
  return new Refused(said.trim() || `${response.status} ${response.statusText}`);
}

async function ask(path, options = {}) {
  const headers = { Accept: 'application/json' };
  if (options.body) headers['Content-Type'] = 'application/json';
  const token = sessionStorage.getItem(kept);
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, cache: 'no-store' });
  if (response.status === 401) throw new Unauthorized(token ? 'This token is not right, or has expired.' : 'A token is needed.');
  return response;
}
