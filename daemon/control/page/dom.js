// SPDX-License-Identifier: MIT
// Elements. Text becomes text nodes only, so that nothing a node says is ever read as HTML. update() changes what is on
// the page into what is wanted with as few changes as it can: the focus, the selection, scroll positions and what the
// reader has opened stay.

// What each element was made with: {key, attributes, listeners}. Attributes that the browser changes by itself (open of a
// details element) are compared with what was made before, so that a redraw does not undo what the reader did.
const made = new WeakMap();

const hears = (event) => made.get(event.currentTarget)?.listeners[event.type]?.(event);

const filled = (element, properties, children) => {
  const its = {key: properties?.key ?? properties?.id, attributes: {}, listeners: {}};
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false || name === "key") continue;
    if (name.startsWith("on")) {
      its.listeners[name.slice(2)] = value;
      element.addEventListener(name.slice(2), hears);
    } else {
      its.attributes[name] = value === true ? "" : String(value);
      element.setAttribute(name, its.attributes[name]);
    }
  }
  made.set(element, its);
  element.append(...nodes(children));
  return element;
};

const nodes = (children) => children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false).map((one) => one instanceof Node ? one : document.createTextNode(String(one)));

// An element: h("td", {class: "number"}, 42). A property that begins with "on" is a listener; null and false leave it out.
// `key` names the element among its siblings, for update().
export const h = (tag, properties, ...children) => filled(document.createElement(tag), properties, children);

const SVG = "http://www.w3.org/2000/svg";
export const svg = (tag, properties, ...children) => filled(document.createElementNS(SVG, tag), properties, children);

const keyOf = (node) => made.get(node)?.key;

const patch = (old, wanted) => {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  const before = made.get(old);
  const now = made.get(wanted);
  for (const name of new Set([...Object.keys(before.attributes), ...Object.keys(now.attributes)])) {
    const value = now.attributes[name];
    if (value === before.attributes[name]) continue;
    if (value === undefined) old.removeAttribute(name);
    else old.setAttribute(name, value);
  }
  for (const type of Object.keys(now.listeners)) old.addEventListener(type, hears); // the same one is not added twice
  made.set(old, now);
  sync(old, [...wanted.childNodes]);
};

// A keyed child stays the same element wherever it goes; others are taken in their order, by their tag.
const sync = (parent, wanted) => {
  const keyed = new Map();
  for (const one of parent.childNodes) if (keyOf(one) !== undefined) keyed.set(keyOf(one), one);
  const coming = new Set(wanted.map(keyOf));
  const kept = new Set();
  let at = parent.firstChild;
  const skips = (fits) => {
    let one = at;
    while (one && !fits(one)) one = one.nextSibling;
    return one;
  };
  for (const one of wanted) {
    const key = keyOf(one);
    let same = null;
    if (key !== undefined) {
      same = keyed.get(key);
      at = skips((old) => keyOf(old) === undefined || coming.has(keyOf(old)));
    } else {
      same = skips((old) => keyOf(old) === undefined && old.nodeName === one.nodeName);
      if (same) at = same;
    }
    if (same && same.nodeName === one.nodeName && made.has(same) === made.has(one) && !kept.has(same)) {
      if (same === at) at = at.nextSibling;
      else parent.insertBefore(same, at);
      patch(same, one);
      kept.add(same);
    } else {
      parent.insertBefore(one, at);
      kept.add(one);
    }
  }
  for (const one of [...parent.childNodes]) if (!kept.has(one)) one.remove();
};

// Makes the place's children what is wanted. What had the focus and is still there has it again, and so has a selection.
export const update = (place, ...children) => {
  const focused = document.activeElement;
  const selection = getSelection();
  const {anchorNode, anchorOffset, focusNode, focusOffset} = selection;
  sync(place, nodes(children));
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({preventScroll: true});
  const moved = anchorNode && (selection.anchorNode !== anchorNode || selection.focusNode !== focusNode);
  if (moved && anchorNode.isConnected && focusNode.isConnected && place.contains(anchorNode))
    selection.setBaseAndExtent(anchorNode, Math.min(anchorOffset, anchorNode.length ?? anchorNode.childNodes.length), focusNode, Math.min(focusOffset, focusNode.length ?? focusNode.childNodes.length));
};

// Which rows of a view are open. `first`: how many of them are at the beginning.
export class OpenRows {
  constructor(again, first = 0) {
    Object.assign(this, {again, first, known: new Set(), open: new Set()});
  }

  has(key) {
    if (!this.known.has(key) && this.known.size < this.first) this.open.add(key);
    this.known.add(key);
    return this.open.has(key);
  }

  turn(key) {
    if (!this.open.delete(key)) this.open.add(key);
    this.again();
  }
}

// A table. `columns`: [title, row => what is shown, {number, sort, sorted, minor, least, text}]; a minor column is not shown
// on a narrow screen, the least ones only on a wide one; one of text may be broken anywhere. The cell of the first column is the row's header. `key`: row => what
// names it. `more`: {rows: OpenRows, show: row => what an open row has below it, title: row => text}.
export const table = (caption, columns, rows, {empty = "None.", key = null, more = null} = {}) => {
  if (rows.length === 0) return h("p", {key: caption || null, class: "soft"}, empty);
  const classes = (how) => [how?.number && "number", how?.minor && "minor", how?.least && "least", how?.text && "text"].filter(Boolean).join(" ") || null;
  const head = columns.map(([title, , how]) => h("th", {scope: "col", class: classes(how), "aria-sort": how?.sorted && "descending"},
    how?.sort ? h("button", {type: "button", class: "plain", onclick: how.sort}, title, how.sorted && " ▾") : title));
  const body = rows.flatMap((row) => {
    const name = key?.(row);
    const isOpen = more?.rows.has(name);
    const opener = more && h("button", {type: "button", class: "opener", "aria-expanded": isOpen ? "true" : "false", "aria-label": `Details of ${more.title(row)}`, onclick: () => more.rows.turn(name)}, isOpen ? "▾" : "▸");
    const cells = columns.map(([title, show, how], at) => at === 0 ? h("th", {scope: "row", class: classes(how)}, opener, show(row)) : h("td", {class: classes(how), "data-title": title}, show(row)));
    return [h("tr", {key: name}, cells), isOpen && h("tr", {key: `${name} more`, class: "more"}, h("td", {colspan: columns.length}, more.show(row)))];
  });
  return h("div", {key: caption || null, class: "wide"}, h("table", {}, h("caption", {class: "skip"}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
};

export const link = (view, text) => h("a", {href: view}, text);
export const processLink = (pid, text) => pid ? link(`#/process/${encodeURIComponent(pid)}`, text ?? pid) : text ?? "–";
export const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
export const titled = (title, ...more) => h("div", {key: "title", class: "title"}, h("h1", {}, title), more);
export const section = (title, ...parts) => h("section", {key: title}, h("h2", {}, title), parts);

// Names and values below each other, nested ones as a list or a table of their own. What is undefined is left out.
export const facts = (object) => h("dl", {}, Object.entries(object).filter(([, value]) => value !== undefined).map(([name, value]) => h("div", {key: name}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, value instanceof Node ? value : shown(value)))));

export const shown = (value) => {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return count(value);
  if (typeof value !== "object") return /^<\d+\.\d+\.\d+>$/.test(value) ? processLink(value) : String(value);
  if (!Array.isArray(value)) return facts(value);
  if (value.length === 0) return "–";
  if (value.every((one) => typeof one === "string")) return h("ul", {class: "row"}, value.map((one) => h("li", {}, shown(one))));
  if (value.every((one) => one !== null && typeof one === "object" && !Array.isArray(one))) {
    const names = [...new Set(value.flatMap(Object.keys))];
    return table("", names.map((name) => [name.replaceAll("_", " "), (row) => shown(row[name])]), value);
  }
  return h("ul", {}, value.map((one) => h("li", {}, shown(one))));
};

export const count = (value) => typeof value === "number" ? value.toLocaleString("en-GB") : value ?? "–";
export const plural = (value, what, many = `${what}s`) => `${count(value)} ${value === 1 ? what : many}`;

export const bytes = (size) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (size >= 1024 && at < units.length - 1) size /= 1024, ++at;
  return `${at === 0 ? size : size.toFixed(1)} ${units[at]}`;
};

export const duration = (ms) => {
  const seconds = Math.floor(ms / 1000);
  if (ms < 1000) return `${ms} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
};

// Processor time, of microseconds.
export const ranFor = (us) => `${count(Math.round((us ?? 0) / 1000))} ms`;

// A time of the node as the log writes it, 2026-11-28T01:02:03.456Z, to the second, with how long ago that is.
export const moment = (text) => {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return shown(text);
  const isToday = Date.now() - at < 12 * 3600 * 1000;
  return h("time", {datetime: text, title: text}, isToday ? text.slice(11, 19) : text.slice(0, 19).replace("T", " "), h("span", {class: "soft"}, ` ${duration(Math.max(0, Date.now() - at))} ago`));
};
