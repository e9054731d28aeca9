// Elements without a template engine. Text is never read as HTML.

const svgNamespace = 'http://www.w3.org/2000/svg';

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// text changes what an element says only where it says something else, so that a
// screen reader is not told again.
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

// set changes an attribute only where it differs; null removes it.
export function set(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

// once calls draw only where what is said differs from the last time.
export function once() {
  let last;
  return (said, draw) => {
    const key = JSON.stringify(said);
    if (key === last) return;
    last = key;
    draw();
  };
}

// method writes an RPC's name so that its package steps back, and that it breaks where
// its parts do.
export function method(name) {
  const slash = name.indexOf('/') + 1;
  const dot = name.lastIndexOf('.', slash) + 1;
  return el('span', { class: 'method' },
    el('span', { class: 'package' }, name.slice(0, dot)), el('wbr'), name.slice(dot, slash), el('wbr'), name.slice(slash));
}

export function methodLink(name) {
  return el('a', { href: `#/methods/${encodeURI(name)}` }, method(name));
}

// mark is a small label; how is good, warn, bad or none.
export function mark(words, how = '') {
  return el('span', { class: `mark ${how}` }, words);
}

// copied is a button that copies what of returns.
export function copying(label, of) {
  const button = el('button', { type: 'button', class: 'small', onclick: copy }, label);
  async function copy() {
    try {
      await navigator.clipboard.writeText(of());
      button.textContent = 'Copied';
    } catch { // no clipboard without TLS: the text stands beside the button
      button.textContent = 'Select and copy it';
    }
    setTimeout(() => { button.textContent = label; }, 3000);
  }
  return button;
}
