// SPDX-License-Identifier: MIT
// The supervision tree, and the ends of its children, the latest first.
import {get} from "./api.js";
import {applicationActions, childActions, problem} from "./actions.js";
import {count, h, link, moment, OpenRows, plural, processLink, table, titled, update} from "./dom.js";

const FEW = 50;    // a supervisor with more children is closed at the beginning
const AT_ONCE = 200; // children of one supervisor

const states = {running: "good", connected: "good"};
export const stateOf = (state) => h("span", {class: `state ${states[state] ?? "bad"}`}, state);

const KINDS = {
  "": ["every state", () => true],
  down: ["not running", (one) => one.state !== "running"],
  restarted: ["restarted", (one) => one.restarts > 0],
};

const reasonOf = (end) => end.reason ?? String(end);

export const tree = {
  title: "Tree",
  topics: ["tree"],
  begin(place, {may, path: searched}) {
    const turned = new Map(); // path → open, by the reader
    const many = new Map();   // path → how many children are shown
    let wanted = searched.toLowerCase();
    let kind = "";
    let last = null;
    const narrows = () => wanted !== "" || kind !== "";
    const fits = (one, path) => KINDS[kind][1](one) && (wanted === "" || [path, one.name, one.plugin, one.behaviour, one.pid, one.state].some((text) => text?.toLowerCase().includes(wanted)));
    const matches = (one, path) => fits(one, path) || (one.children ?? []).some((child) => matches(child, `${path}/${child.id}`));
    const row = (one, path) => [
      h("span", {class: "id"}, processLink(one.pid, one.id ?? one.name ?? path)), one.name && one.name !== one.id && h("code", {}, one.name), h("span", {class: "soft kind"}, [one.behaviour, one.plugin].filter(Boolean).join(" · ")),
      stateOf(one.state), one.children && h("span", {class: "soft"}, plural(one.children.length, "child", "children")), one.restarts > 0 && h("span", {class: "restarts"}, plural(one.restarts, "restart")),
      one.last_end && h("span", {class: "soft end"}, "last end: ", reasonOf(one.last_end)),
      h("span", {class: "actions"}, path.includes("/") && childActions(may, path, one.state)),
    ];
    const children = (one, path) => {
      const shown = narrows() ? one.children.filter((child) => matches(child, `${path}/${child.id}`)) : one.children;
      const most = many.get(path) ?? AT_ONCE;
      return h("ul", {}, shown.slice(0, most).map((child) => branch(child, `${path}/${child.id}`)),
        shown.length > most && h("li", {key: " more"}, h("button", {type: "button", onclick: () => { many.set(path, most + AT_ONCE); draw(); }}, `${count(shown.length - most)} more children`)));
    };
    const branch = (one, path) => {
      const key = path.slice(path.lastIndexOf("/") + 1);
      if (!one.children) return h("li", {key}, h("div", {class: "row"}, row(one, path)));
      const isOpen = narrows() || (turned.get(path) ?? one.children.length <= FEW);
      const toggled = (event) => {
        if (narrows() || event.currentTarget.open === (turned.get(path) ?? one.children.length <= FEW)) return;
        turned.set(path, event.currentTarget.open);
        draw();
      };
      return h("li", {key}, h("details", {open: isOpen, ontoggle: toggled}, h("summary", {class: "row"}, row(one, path)), isOpen && children(one, path)));
    };
    const list = h("div", {});
    const draw = () => {
      if (last === null) return;
      const fitting = (last.applications ?? []).filter((one) => !narrows() || one.name.toLowerCase().includes(wanted) && kind === "" || (one.supervisor && matches(one.supervisor, one.name)));
      update(list, fitting.map((one) => h("section", {key: one.name}, h("h2", {}, one.name, " ", stateOf(one.state), " ", h("span", {class: "actions"}, applicationActions(may, one.name, one.state))),
        one.reason && h("p", {class: "failed"}, one.reason), one.supervisor && h("ul", {class: "tree"}, branch(one.supervisor, one.name)))),
      fitting.length === 0 && h("p", {class: "soft"}, "Nothing fits."));
    };
    const box = h("input", {type: "search", value: searched, placeholder: "Name, path, plugin, state", "aria-label": "Search the tree", oninput: () => {
      wanted = box.value.toLowerCase();
      history.replaceState(null, "", `#/tree${box.value ? `/${encodeURIComponent(box.value)}` : ""}`);
      draw();
    }});
    const choice = h("select", {"aria-label": "State", onchange: () => { kind = choice.value; draw(); }}, Object.entries(KINDS).map(([value, [words]]) => h("option", {value}, words)));
    place.replaceChildren(titled("Supervision tree", box, choice), list);
    return {told(_, document) { last = document; draw(); }};
  },
};

const MOST_ENDS = 200;

const endsIn = (one, path, found) => {
  if (one.last_end) found.push({...one, path});
  for (const child of one.children ?? []) endsIn(child, `${path}/${child.id}`, found);
};

export const ends = {
  title: "Ends",
  topics: ["tree"],
  begin(place, {may}) {
    let last = null;
    const earlier = new Map(); // path → its ends, or why there are none to see
    const open = new OpenRows(() => draw());
    const look = async (one) => {
      earlier.set(one.path, null);
      try {
        earlier.set(one.path, one.pid ? (await get("info", {name: one.pid})).ends : []);
      } catch (error) {
        earlier.set(one.path, problem(error));
      }
      draw();
    };
    const more = (one) => {
      const key = `${one.path} ${one.last_end.at}`;
      if (!earlier.has(one.path) || earlier.get(`${one.path} of`) !== key) {
        earlier.set(`${one.path} of`, key);
        look(one);
      }
      const found = earlier.get(one.path);
      if (found === null) return h("p", {class: "soft"}, "…");
      if (typeof found === "string") return h("p", {class: "failed"}, found);
      return [h("p", {class: "actions"}, childActions(may, one.path, one.state)), table(`Ends of ${one.path}`, [["When", (end) => moment(end.at)], ["Reason", (end) => h("code", {}, reasonOf(end)), {text: true}]], found.length ? [...found].reverse() : [one.last_end])];
    };
    const draw = () => {
      if (last === null) return;
      const found = [];
      for (const one of last.applications ?? []) if (one.supervisor) endsIn(one.supervisor, one.name, found);
      found.sort((a, b) => (b.last_end.at ?? "").localeCompare(a.last_end.at ?? ""));
      update(place, titled("Ends"), h("p", {key: "about", class: "soft"}, "Children that have ended since they were started, the latest end first. Open a row for its earlier ends."),
        table("Ends", [["Child", (one) => link(`#/tree/${encodeURIComponent(one.path)}`, one.path)], ["When", (one) => moment(one.last_end.at)], ["Reason", (one) => h("code", {}, reasonOf(one.last_end)), {text: true}],
          ["Restarts", (one) => count(one.restarts), {number: true}], ["Now", (one) => stateOf(one.state)]],
        found.slice(0, MOST_ENDS), {key: (one) => one.path, empty: "No child has ended.", more: {rows: open, show: more, title: (one) => one.path}}),
        found.length > MOST_ENDS && h("p", {key: "rest", class: "soft"}, `${MOST_ENDS} of ${count(found.length)} are shown.`));
    };
    return {told(_, document) { last = document; draw(); }};
  },
};
