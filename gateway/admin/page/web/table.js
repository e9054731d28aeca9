// A table whose rows stay from one update to the next: they are filled where a cell
// says something else, and moved where their place is another one.

import { el, set, text } from './dom.js';

// Table takes columns:
//
//	title          the head
//	of(item)       what it is sorted by; null comes last. Without it it is not
//	first          the order of the first press: descending, or ascending for words
//	write(item)    what the cell says
//	draw(item)     elements in place of that; said(item) tells when they are others
//	part()         a part made once for a row, {element, update}, filled with of(item)
//	how(item)      the cell's class
//	words          whether it is text, which stands at the left
export class Table {
  constructor({ label, columns, id, sorted = null, order = null, search = null, placeholder = 'Filter', none = 'Nothing yet.', noun = 'rows' }) {
    Object.assign(this, { columns, id, sorted, search, noun, rows: new Map(), items: [], place: [], none });
    this.order = order ?? columns[sorted]?.first ?? 'descending';
    this.body = el('tbody');
    this.heads = columns.map((column, i) => el('th', { scope: 'col', class: column.words ? 'words' : null },
      column.of ? el('button', { type: 'button', onclick: () => this.sort(i) }, column.title) : column.title));
    this.found = el('p', { class: 'found', role: 'status' });
    this.empty = el('p', { class: 'empty', hidden: true });
    this.filter = search && el('input', { type: 'search', placeholder, 'aria-label': placeholder, oninput: () => this.draw() });
    this.table = el('table', {}, el('thead', {}, el('tr', {}, this.heads)), this.body);
    this.scroll = el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, this.table, this.empty);
    this.element = el('div', { class: 'listing' }, search && el('div', { class: 'bar' }, this.filter, this.found), this.scroll);
  }

  sort(i) {
    const first = this.columns[i].first ?? 'descending';
    const other = first === 'ascending' ? 'descending' : 'ascending';
    this.order = this.sorted === i && this.order === first ? other : first;
    this.sorted = i;
    this.draw();
  }

  // update shows items. Whoever points into the table finds its rows where they were:
  // they are sorted anew when the pointer and the focus are elsewhere.
  update(items) {
    this.items = items;
    const there = new Set();
    for (const item of items) {
      const id = this.id(item);
      there.add(id);
      let row = this.rows.get(id);
      if (!row) this.rows.set(id, row = new Row(this.columns));
      row.update(item);
    }
    for (const id of this.rows.keys()) if (!there.has(id)) this.rows.delete(id);
    this.draw(this.body.matches(':hover') || this.body.contains(document.activeElement));
  }

  draw(calm = false) {
    this.heads.forEach((head, i) => set(head, 'aria-sort', i === this.sorted ? this.order : null));
    const wanted = this.filter?.value.trim().toLowerCase() ?? '';
    const found = this.items.filter((item) => !wanted || this.search(item).some((each) => each && each.toLowerCase().includes(wanted)));
    const ids = this.#ordered(found, calm).map(this.id);
    this.place = ids;
    this.#arrange(ids.map((id) => this.rows.get(id).element));
    if (this.filter) text(this.found, wanted ? `${found.length} of ${this.items.length} ${this.noun}` : `${this.items.length} ${this.noun}`);
    this.table.hidden = found.length === 0;
    this.empty.hidden = found.length > 0;
    text(this.empty, wanted ? 'Nothing matches.' : this.none);
  }

  #ordered(items, calm) {
    if (calm) {
      const place = new Map(this.place.map((id, i) => [id, i]));
      return [...items].sort((a, b) => (place.get(this.id(a)) ?? Infinity) - (place.get(this.id(b)) ?? Infinity) || 0);
    }
    const of = this.columns[this.sorted]?.of;
    if (!of) return items;
    const sign = this.order === 'ascending' ? 1 : -1;
    return items.map((item, i) => [of(item), i, item]).sort(([x, i], [y, j]) => {
      if (x === y) return i - j;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return typeof x === 'string' ? sign * x.localeCompare(y) : (x < y ? -sign : sign);
    }).map(([, , item]) => item);
  }

  // arrange moves what is out of place, and keeps the focus.
  #arrange(rows) {
    const wanted = new Set(rows);
    const focused = document.activeElement;
    for (const row of [...this.body.children]) if (!wanted.has(row)) row.remove();
    let next = this.body.firstElementChild;
    for (const row of rows) {
      if (row === next) next = next.nextElementSibling;
      else this.body.insertBefore(row, next);
    }
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus({ preventScroll: true });
  }
}

class Row {
  constructor(columns) {
    this.columns = columns;
    this.parts = columns.map((column) => column.part?.());
    this.said = [];
    this.cells = columns.map((column, i) => el(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : null, class: column.words ? 'words' : null }, this.parts[i]?.element));
    this.element = el('tr', {}, this.cells);
  }

  update(item) {
    this.columns.forEach((column, i) => {
      const cell = this.cells[i];
      if (column.how) set(cell, 'class', `${column.words ? 'words ' : ''}${column.how(item)}`);
      if (this.parts[i]) this.parts[i].update(column.shown(item));
      else if (column.draw) this.#draw(cell, i, item);
      else text(cell, column.write(item));
    });
  }

  #draw(cell, i, item) {
    const said = this.columns[i].said(item);
    if (said === this.said[i]) return;
    this.said[i] = said;
    cell.replaceChildren(...[this.columns[i].draw(item)].flat(Infinity).filter(Boolean));
  }
}
