// SPDX-License-Identifier: MIT
// The views of the node's surroundings: other nodes, and plugins.
import {get} from "./api.js";
import {connectAction, reloadAction} from "./actions.js";
import {Rate} from "./chart.js";
import {bytes, count, facts, h, moment, OpenRows, ranFor, shown, table, titled, update} from "./dom.js";
import {polls} from "./reports.js";
import {stateOf} from "./tree.js";

export const plugins = {
  title: "Plugins",
  begin(place, {may}) {
    const poll = polls(() => get("plugins"), ({plugins: list}) => update(place, titled("Plugins", h("span", {class: "actions"}, reloadAction(may, "", () => poll.now()))),
      table("Plugins", [["Plugin", (one) => h("span", {title: one.file}, one.id)], ["Version", (one) => one.version], ["Generation", (one) => count(one.generation), {number: true}], ["Memory", (one) => typeof one.memory === "number" ? bytes(one.memory) : "–", {number: true}], ["Processor time", (one) => ranFor(one.cpu_us), {number: true, minor: true}], ["Actors", (one) => (one.actors ?? []).join(", "), {text: true}], ["Older generations kept by", (one) => one.kept?.length ? h("ul", {}, one.kept.map((kept) => h("li", {}, `generation ${kept.generation}: ${kept.reason}`))) : "–", {text: true}],
        ["File", (one) => one.file, {text: true, least: true}], ["", (one) => h("span", {class: "actions"}, reloadAction(may, one.id, () => poll.now()))]], list, {key: (one) => one.id, empty: "The node has loaded no plugin."})), place, 5000);
    return {end: () => poll.end()};
  },
};

export const cluster = {
  title: "Cluster",
  topics: ["nodes"],
  begin(place, {may}) {
    const rates = new Map();
    let last = [];
    const rate = (name, key) => bytes(Math.round(rates.get(`${name} ${key}`)?.last ?? 0)) + "/s";
    const open = new OpenRows(() => draw());
    const draw = () => update(place, titled("Cluster"), table("Nodes", [["Node", (one) => one.name], ["State", (one) => stateOf(one.state)], ["TLS", (one) => shown(one.tls), {minor: true}], ["In", (one) => rate(one.name, "bytes_in"), {number: true}], ["Out", (one) => rate(one.name, "bytes_out"), {number: true}],
      ["Waits to be sent", (one) => bytes(one.queued ?? 0), {number: true}], ["Losses", (one) => shown(one.losses), {number: true, minor: true}], ["Last error", (one) => one.last_error ?? "", {text: true}], ["", (one) => h("span", {class: "actions"}, one.state === "down" && connectAction(may, one.name))]],
    last, {key: (one) => one.name, empty: "This node is connected to no other.", more: {rows: open, title: (one) => one.name, show: (one) => facts({direction: one.direction, hidden: one.hidden, since: one.since ? moment(one.since) : null, "last contact": one.last_contact ? moment(one.last_contact) : null,
      "messages in": one.messages_in, "messages out": one.messages_out, "bytes in": bytes(one.bytes_in ?? 0), "bytes out": bytes(one.bytes_out ?? 0), "kept connected": one.kept, "disconnected by hand": one.held})}}));
    // By the clock, since nothing is sent of a connection that is silent.
    const measure = () => {
      for (const one of last) {
        for (const key of ["bytes_in", "bytes_out"]) {
          const its = rates.get(`${one.name} ${key}`) ?? {rate: new Rate(), last: 0};
          its.last = its.rate.of(one[key] ?? 0);
          rates.set(`${one.name} ${key}`, its);
        }
      }
    };
    const timer = setInterval(() => {
      measure();
      draw();
    }, 2000);
    return {
      told(_, {nodes}) {
        last = nodes ?? [];
        if (rates.size === 0) measure();
        draw();
      },
      end: () => clearInterval(timer),
    };
  },
};
