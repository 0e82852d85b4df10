// SPDX-License-Identifier: MIT
// Elements. Text becomes text nodes only, so that nothing a node says is ever read as HTML.

// An element: h("td", {class: "number"}, 42). A property that begins with "on" is a listener; null and false leave it out.
export const h = (tag, properties, ...children) => {
  const made = document.createElement(tag);
  set(made, properties);
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false).map((one) => one instanceof Node ? one : String(one)));
  return made;
};

const SVG = "http://www.w3.org/2000/svg";
export const svg = (tag, properties, ...children) => {
  const made = document.createElementNS(SVG, tag);
  set(made, properties);
  made.append(...children);
  return made;
};

const set = (element, properties) => {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
};

// A table. `columns`: [title, row => what is shown, {number, sort}]. The cell of the first column is the row's header.
export const table = (caption, columns, rows, empty = "None.") => {
  if (rows.length === 0) return h("p", {class: "soft"}, empty);
  const head = columns.map(([title, , how]) => h("th", {scope: "col", class: how?.number && "number", "aria-sort": how?.sorted && "descending"},
    how?.sort ? h("button", {type: "button", class: "plain", onclick: how.sort}, title) : title));
  const body = rows.map((row) => h("tr", {}, columns.map(([, show, how], at) =>
    at === 0 ? h("th", {scope: "row"}, show(row)) : h("td", {class: how?.number && "number"}, show(row)))));
  return h("div", {class: "wide"}, h("table", {}, h("caption", {class: "skip"}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
};

export const link = (view, text) => h("a", {href: view}, text);
export const processLink = (pid, text) => pid ? link(`#/process/${encodeURIComponent(pid)}`, text ?? pid) : text ?? "–";

// Names and values below each other, nested ones as a list or a table of their own.
export const facts = (object) => h("dl", {}, Object.entries(object).map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, shown(value))]));

export const shown = (value) => {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return String(value);
  if (!Array.isArray(value)) return facts(value);
  if (value.length === 0) return "–";
  if (value.every((one) => typeof one === "string" && /^<\d+\.\d+\.\d+>$/.test(one))) return h("ul", {class: "row"}, value.map((one) => h("li", {}, processLink(one))));
  if (value.every((one) => one !== null && typeof one === "object" && !Array.isArray(one))) {
    const names = [...new Set(value.flatMap(Object.keys))];
    return table("", names.map((name) => [name.replaceAll("_", " "), (row) => shown(row[name])]), value);
  }
  return h("ul", {}, value.map((one) => h("li", {}, shown(one))));
};

export const bytes = (count) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) count /= 1024, ++at;
  return `${at === 0 ? count : count.toFixed(1)} ${units[at]}`;
};

export const duration = (ms) => {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
};
