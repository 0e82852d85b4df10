// SPDX-License-Identifier: MIT
// Stages as pipelines: who is subscribed to whom, what has been asked for and not come yet, and what waits in buffers. Each
// pipeline is a picture; a table below has the same figures.
import {Rate} from "./chart.js";
import {count, cut, duration, h, processLink, section, svg, table} from "./dom.js";
import {peerOf} from "./engines.js";
import {nameOf, viewOf} from "./reports.js";

const COLUMN = 270;
const ROW = 76;
const LABEL = 84;
const BOX = {width: 150, height: 52};

// {stages: Map name → {key, row, title}, edges: [{from, to, …figures}]}: an edge is told by its consumer, and by its producer
// where the consumer is on another node or busy.
const graphOf = (rows, node) => {
  const stages = new Map(rows.map((row) => [row.pid, {key: row.pid, row, title: nameOf(row)}]));
  const edges = new Map();
  for (const row of rows) {
    for (const one of row.engine?.subscriptions ?? []) {
      const peer = peerOf(one.peer, node);
      if (!stages.has(peer)) stages.set(peer, {key: peer, row: null, title: peer});
      const [from, to] = one.direction === "producer" ? [peer, row.pid] : [row.pid, peer];
      const key = `${from} ${to}`;
      const edge = edges.get(key) ?? {key, from, to, asked: 0, passed: 0, in_flight: 0, buffered: 0, backlog: 0, last_ms: null, byConsumer: false};
      const byConsumer = one.direction === "producer";
      if (!byConsumer && edge.byConsumer) continue;
      const isFirst = byConsumer !== edge.byConsumer || edge.asked === 0;
      const add = (name) => { edge[name] = (isFirst ? 0 : edge[name]) + (one[name] ?? 0); };
      for (const name of ["asked", "passed", "in_flight", "buffered", "backlog"]) add(name);
      Object.assign(edge, {last_ms: one.last_ms === "none" ? null : one.last_ms, byConsumer});
      edges.set(key, edge);
    }
  }
  return {stages, edges: [...edges.values()]};
};

// Pipelines: sets of stages that are connected, each with the column of every stage: one more than that of its furthest producer.
const pipelinesOf = ({stages, edges}) => {
  const group = new Map([...stages.keys()].map((key) => [key, key]));
  const root = (key) => {
    while (group.get(key) !== key) key = group.get(key);
    return key;
  };
  for (const {from, to} of edges) group.set(root(from), root(to));
  const columns = new Map([...stages.keys()].map((key) => [key, 0]));
  for (let turn = 0; turn < stages.size; ++turn) { // a circle ends as well, after as many turns as there are stages
    let isCalm = true;
    for (const {from, to} of edges)
      if (from !== to && columns.get(to) < Math.min(columns.get(from) + 1, stages.size - 1)) columns.set(to, columns.get(from) + 1), isCalm = false;
    if (isCalm) break;
  }
  const found = new Map();
  for (const [key, stage] of stages) {
    if (!found.has(root(key))) found.set(root(key), []);
    found.get(root(key)).push({...stage, column: columns.get(key)});
  }
  return [...found.values()].map((members) => {
    const keys = new Set(members.map((one) => one.key));
    return {stages: members, edges: edges.filter((one) => keys.has(one.from))};
  }).sort((a, b) => b.stages.length - a.stages.length);
};

const picture = ({stages, edges}, rateOf) => {
  const used = [...new Set(stages.map((one) => one.column))].sort((a, b) => a - b);
  const places = new Map();
  const tall = Math.max(...used.map((column) => stages.filter((one) => one.column === column).length));
  used.forEach((column, x) => {
    const its = stages.filter((one) => one.column === column);
    its.forEach((one, y) => places.set(one.key, {x: x * COLUMN, y: (y + (tall - its.length) / 2) * ROW}));
  });
  const width = (used.length - 1) * COLUMN + BOX.width + 4;
  const height = (tall - 1) * ROW + BOX.height + 26;
  const lines = edges.map((one) => {
    const from = places.get(one.from);
    const to = places.get(one.to);
    const [x1, y1, x2, y2] = [from.x + BOX.width + 2, from.y + 20 + BOX.height / 2, to.x - 3, to.y + 20 + BOX.height / 2];
    const isBack = x2 <= x1;
    const stalls = one.in_flight === 0;
    // Beside the end at which no other line comes together with it.
    const isAlone = edges.filter((other) => other.to === one.to).length === 1;
    const label = isAlone ? {x: x2 - 12, y: y2, "text-anchor": "end"} : edges.filter((other) => other.from === one.from).length === 1 ? {x: x1 + 6, y: y1, "text-anchor": "start"} : {x: (x1 + x2) / 2, y: (y1 + y2) / 2};
    // A straight end where the label is, of which the rest of the line keeps clear.
    const [begin, end] = label["text-anchor"] === "end" ? [x1, x2 - LABEL] : label["text-anchor"] === "start" ? [x1 + LABEL, x2] : [x1, x2];
    const bend = (end - begin) / 2;
    const line = isBack ? `M${x1},${y1} C${x1 + 60},${y1 - ROW} ${x2 - 60},${y2 - ROW} ${x2},${y2}` : `M${x1},${y1} H${begin} C${begin + bend},${y1} ${end - bend},${y2} ${end},${y2} H${x2}`;
    return svg("g", {key: one.key, class: stalls ? "edge stalls" : "edge"}, svg("path", {d: line, "marker-end": "url(#arrow)"}),
      svg("text", {...label, y: label.y - 6, class: "label"}, `${rateOf(one)}/s`),
      svg("text", {...label, y: label.y + 15, class: "label"}, stalls ? "no demand" : `demand ${count(one.in_flight)}`));
  });
  const boxes = stages.map((one) => {
    const {x, y} = places.get(one.key);
    const engine = one.row?.engine;
    const waits = engine ? engine.buffered + engine.waiting : null;
    const body = [svg("rect", {x: x + 1, y: y + 20, width: BOX.width, height: BOX.height, rx: 6}), svg("text", {x: x + BOX.width / 2, y: y + 42}, cut(one.title, 19), svg("title", {}, `${one.title}${one.row ? `, ${one.row.behaviour}` : ""}`)),
      svg("text", {x: x + BOX.width / 2, y: y + 60, class: "label"}, one.row === null ? "on another node" : waits === null ? one.row.status : waits > 0 ? `${count(waits)} in buffers` : "buffers empty")];
    return svg("g", {key: one.key, class: engine?.dropped > 0 || engine?.overloaded > 0 ? "box wrong" : "box"}, one.row ? svg("a", {href: `#/process/${encodeURIComponent(one.key)}`}, body) : body);
  });
  const words = edges.map(({from, to}) => `${stages.find((one) => one.key === from).title} gives to ${stages.find((one) => one.key === to).title}`).join("; ") || "no subscriptions";
  return h("div", {class: "wide picture", tabindex: 0, role: "group", "aria-label": "Picture of the pipeline"}, svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": words}, lines, boxes));
};

export const pipelines = viewOf("Pipelines", ["producer", "producer_consumer", "consumer", "consumer_supervisor"], "The node has no stages.", ({node, may}) => {
  const rates = new Map();
  const rateOf = (one) => {
    const its = rates.get(one.key) ?? {rate: new Rate(), last: 0, at: 0};
    rates.set(one.key, its);
    if (performance.now() - its.at > 500) Object.assign(its, {last: its.rate.of(one.passed), at: performance.now()});
    return count(Math.round(its.last));
  };
  const of = (stages, key) => {
    const found = stages.find((one) => one.key === key);
    return found.row ? processLink(found.key, found.title) : found.title;
  };
  return (rows) => {
    const all = pipelinesOf(graphOf(rows, node));
    return all.map((one) => section(one.stages.length === 1 ? `${one.stages[0].title}, by itself` : `From ${one.stages.filter((stage) => !one.edges.some((edge) => edge.to === stage.key)).map((stage) => stage.title).slice(0, 3).join(", ") || one.stages[0].title}`,
      picture(one, rateOf),
      one.edges.length > 0 && table("Subscriptions", [["From", (edge) => of(one.stages, edge.from)], ["To", (edge) => of(one.stages, edge.to)], ["Passed", (edge) => count(edge.passed), {number: true}], ["A second", rateOf, {number: true, minor: true}], ["Demand open", (edge) => count(edge.in_flight), {number: true}],
        ["Buffered", (edge) => count(edge.buffered), {number: true}], ["Backlog", (edge) => count(edge.backlog), {number: true, minor: true}], ["Last passed", (edge) => edge.last_ms === null ? "–" : `${duration(edge.last_ms)} ago`, {number: true, minor: true}]], one.edges, {key: (edge) => edge.key}),
      table("Stages", [["Stage", (stage) => stage.row ? processLink(stage.key, stage.title) : stage.title], ["Role", (stage) => stage.row?.behaviour.replace("_", " and ") ?? "on another node"], ["Received", (stage) => figure(stage, "received"), {number: true}], ["Emitted", (stage) => figure(stage, "emitted"), {number: true}],
        ["Buffered", (stage) => figure(stage, "buffered"), {number: true}], ["Waiting", (stage) => figure(stage, "waiting"), {number: true, minor: true}], ["Dropped", (stage) => figure(stage, "dropped"), {number: true}]], one.stages, {key: (stage) => stage.key})));
  };
});

const figure = (stage, name) => stage.row?.engine ? count(stage.row.engine[name]) : "–";
