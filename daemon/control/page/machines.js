// SPDX-License-Identifier: MIT
// State machines: the present state, the timers, and a picture of the changes of state that the node remembers. States that a
// machine could be in but has not been lately are not known to the page, and not drawn.
import {count, cut, duration, h, processLink, shown, svg, table} from "./dom.js";
import {nameOf} from "./reports.js";

const STEP = 150;
const BOX = {width: 112, height: 34};
const ARC = 26;

export const changesOf = (engine) => table("Changes of state", [["To", (one) => h("code", {}, one.to), {text: true}], ["By", (one) => one.event], ["Ago", (one) => duration(one.ago_ms), {number: true}]], [...(engine.transitions ?? [])].reverse(), {empty: "It has not changed its state yet."});

// The states seen and the changes between them: {states: [name], edges: [{from, to, by: {event: times}}]}.
const seenOf = (engine) => {
  const passed = engine.transitions ?? [];
  const states = [];
  const meet = (name) => { if (name !== undefined && name !== "none" && !states.includes(name)) states.push(name); };
  const edges = new Map();
  passed.forEach((one, at) => {
    const from = at > 0 ? passed[at - 1].to : passed.length === 1 ? engine.previous : undefined;
    meet(from);
    meet(one.to);
    if (from === undefined || from === "none") return;
    const key = JSON.stringify([from, one.to]);
    const edge = edges.get(key) ?? {from, to: one.to, by: {}};
    edge.by[one.event] = (edge.by[one.event] ?? 0) + 1;
    edges.set(key, edge);
  });
  meet(engine.state);
  return {states, edges: [...edges.values()]};
};

// States in a row in the order in which they were met, changes to the right as arcs above it and those back below it.
export const graphOf = (engine, may) => {
  if (!may("state")) return h("p", {class: "soft"}, "The names of states are shown with the right state.");
  const {states, edges} = seenOf(engine);
  const far = (edge) => Math.abs(states.indexOf(edge.to) - states.indexOf(edge.from));
  const above = Math.max(0, ...edges.filter((one) => states.indexOf(one.to) >= states.indexOf(one.from)).map((one) => Math.max(1, far(one))));
  const below = Math.max(0, ...edges.filter((one) => states.indexOf(one.to) < states.indexOf(one.from)).map(far));
  const middle = above * ARC + 16 + BOX.height / 2 + (above > 0 ? 10 : 0);
  const width = states.length * STEP;
  const height = middle + BOX.height / 2 + below * ARC + 16 + (below > 0 ? 10 : 0);
  const x = (name) => states.indexOf(name) * STEP + STEP / 2;
  const drawn = edges.map(({from, to, by}) => {
    const label = Object.entries(by).map(([event, times]) => times > 1 ? `${event} ×${times}` : event).join(", ");
    const isBack = states.indexOf(to) < states.indexOf(from);
    const side = isBack ? 1 : -1;
    const edge = middle + side * BOX.height / 2;
    const [begin, end] = from === to ? [x(from) - 14, x(to) + 14] : [x(from) + (isBack ? -18 : 18), x(to) + (isBack ? 18 : -18)];
    const top = edge + side * (Math.max(1, far({from, to})) * ARC);
    return {line: svg("g", {key: `${from} ${to}`, class: "edge"}, svg("path", {d: `M${begin},${edge} C${begin},${top} ${end},${top} ${end},${edge + side * 4}`, "marker-end": "url(#arrow)"})),
      label: svg("text", {x: (begin + end) / 2, y: edge + side * (Math.max(1, far({from, to})) * ARC * .75) + (isBack ? 14 : -5), class: "label", key: `label ${from} ${to}`}, cut(label, 18 * Math.max(1, far({from, to}))), svg("title", {}, `${from} to ${to}: ${label}`))};
  });
  const boxes = states.map((name) => svg("g", {key: name, class: name === engine.state ? "box now" : "box"}, svg("rect", {x: x(name) - BOX.width / 2, y: middle - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 17}),
    svg("text", {x: x(name), y: middle + 5}, cut(name, 14), svg("title", {}, name))));
  const words = `${engine.state} now; ${edges.map(({from, to, by}) => `${from} to ${to} by ${Object.keys(by).join(" and ")}`).join("; ") || "no change seen"}`;
  return h("div", {class: "wide picture", tabindex: 0, role: "group", "aria-label": "Picture of the states"}, svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words}, drawn.map((one) => one.line), drawn.map((one) => one.label), boxes));
};

// The rows of the view; what an open row has is made by `parts`.
export const machineTable = (rows, open, parts) => table("State machines", [["Machine", (one) => processLink(one.pid, nameOf(one))], ["State", (one) => one.engine ? h("strong", {}, cut(String(one.engine.state), 60)) : h("span", {class: "soft"}, "busy")], ["For", (one) => one.engine ? duration(one.engine.since_ms) : "–", {number: true}],
  ["Next timer", (one) => one.engine?.timeouts?.length ? duration(Math.min(...one.engine.timeouts.map((timer) => timer.left_ms))) : "–", {number: true}], ["Changes", (one) => shown(one.engine?.changes), {number: true, minor: true}],
  ["Postponed", (one) => shown(one.engine?.postponed?.length), {number: true}], ["Mailbox", (one) => count(one.mailbox), {number: true}]],
rows, {key: (one) => one.pid, more: {rows: open, show: (one) => one.engine ? parts(one) : h("p", {class: "soft"}, "It is busy and has not told its state yet."), title: nameOf}});
