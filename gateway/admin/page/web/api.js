// What the gateway is asked. A token, where one is needed, stays in this tab.

const kept = 'token';

export class Unauthorized extends Error {}

export function keep(token) {
  sessionStorage.setItem(kept, token);
}

export async function get(path) {
  const headers = { Accept: 'application/json' };
  const token = sessionStorage.getItem(kept);
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { headers, cache: 'no-store' });
  if (response.status === 401) throw new Unauthorized(token ? 'this token is not right' : 'a token is needed');
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response.json();
}
