// How figures are written for people.

const none = '–';

// exists tells a figure from null, which is for what does not exist.
const exists = (value) => value !== null && value !== undefined;

export function rate(value) {
  if (!exists(value)) return none;
  if (value === 0) return '0';
  if (value < 0.1) return '< 0.1';
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

export function share(value) {
  if (!exists(value)) return none;
  const percent = value * 100;
  if (percent === 0) return '0 %';
  if (Math.abs(percent) < 0.1) return '< 0.1 %';
  return `${Math.abs(percent) < 10 ? trimmed(percent.toFixed(1)) : Math.round(percent).toLocaleString('en')} %`.replace('-', '−');
}

export function duration(seconds) {
  if (!exists(seconds)) return none;
  if (seconds === 0) return '0';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.01) return `${trimmed((seconds * 1e3).toFixed(1))} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1e3)} ms`;
  return `${trimmed(seconds.toFixed(seconds < 10 ? 2 : 0))} s`;
}

export function bytes(value) {
  if (!exists(value)) return none;
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
  return `${value < 10 && unit > 0 ? trimmed(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

export const cores = (value) => (exists(value) ? value.toFixed(2) : none);

export function count(value) {
  return exists(value) ? Math.round(value).toLocaleString('en') : none;
}

const trimmed = (digits) => digits.replace(/\.0+$/, '');

// clock writes a time of today; seconds since 1970.
export function clock(seconds, precise = false) {
  const form = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  return new Date(seconds * 1000).toLocaleTimeString('en', precise ? { ...form, second: '2-digit' } : form);
}

// moment writes when something was or will be.
export function moment(when) {
  if (!when) return none;
  const then = new Date(when);
  const time = clock(then / 1000, true);
  return then.toDateString() === new Date().toDateString() ? time : `${then.toLocaleDateString('en-CA')} ${time.slice(0, 5)}`;
}

export const day = (when) => (when ? when.slice(0, 10) : none);

// span writes a time that is configured or has passed.
export function span(seconds) {
  if (!exists(seconds)) return none;
  const units = [['day', 86400], ['h', 3600], ['min', 60]];
  for (const [unit, size] of units) {
    if (seconds < size) continue;
    const rest = seconds % size;
    const whole = Math.floor(seconds / size);
    if (unit === 'day') return `${whole} ${whole === 1 ? 'day' : 'days'}`;
    const minutes = unit === 'h' ? Math.floor(rest / 60) : 0;
    return minutes ? `${whole} h ${minutes} min` : `${whole} ${unit}`;
  }
  return seconds < 1 ? duration(seconds) : `${trimmed(seconds.toFixed(1))} s`;
}

// calm drops digits by which figures of a minute differ by chance, so that a sorted
// table does not dance.
export const calm = (value) => (exists(value) && value !== 0 ? Number(value.toPrecision(2)) : value);

// words writes a name of a protocol for people: HALF_OPEN is half-open.
export const words = (name) => (name ?? '').toLowerCase().replaceAll('_', '-');
