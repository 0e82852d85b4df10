// SPDX-License-Identifier: MIT
// The overview: what is wrong on top, in a sentence each with what can be done about it, then how the node does.
import {get} from "./api.js";
import {applicationActions, applyAction, remedy} from "./actions.js";
import {Rate, Series} from "./chart.js";
import {bytes, count, duration, facts, h, link, moment, plural, section, shown, table, titled, update} from "./dom.js";
import {polls} from "./reports.js";

const series = {
  processes: new Series("Processes", count), turns: new Series("Turns a second", (value) => count(Math.round(value))),
  memory: new Series("Message memory", bytes), rss: new Series("Node memory", bytes),
  connections: new Series("Connections", count), restarts: new Series("Restarts a minute", (value) => count(Math.round(value))),
};
const rates = {turns: new Rate(), restarts: new Rate()};

// Each second, whatever view is open, so that the charts have no gaps.
export const feed = (status) => {
  series.processes.add(status.processes ?? 0);
  series.memory.add(status.message_memory ?? 0);
  series.connections.add(status.connections ?? 0);
  series.restarts.add(rates.restarts.of(status.child_restarts ?? 0) * 60);
  series.rss.add(status.resident_memory ?? 0);
  series.turns.add(rates.turns.of(status.turns ?? 0));
};

// What is wrong, the most urgent first: what keeps the node from being ready stands before warnings.
export const wrongOf = (status) => [
  ...(status.complaints ?? []).map((one) => ({...one, isUrgent: true})),
  ...(status.warnings ?? []),
];

const views = {application: "tree", child: "tree", tree: "tree", listener: "listeners", job: "jobs", peer: "cluster", raft: "raft", saga: "sagas", log: "log", log_handler: "log"};
// Where the thing can be looked at.
const placeOf = ({what, name}) => {
  if (what === "thread" && /^<[\d.]+>/.test(name)) return link(`#/process/${encodeURIComponent(name.match(/^<[\d.]+>/)[0])}`, name);
  const view = views[what];
  return view === "tree" ? link(`#/tree/${encodeURIComponent(name)}`, name) : view ? link(`#/${view}`, name) : name;
};

const sentence = (one, may) => h("li", {key: `${one.what} ${one.name} ${one.why}`, class: one.isUrgent ? "urgent" : "warning"},
  h("p", {}, h("b", {}, one.isUrgent ? "Not ready" : "Warning"), " ", one.what, " ", h("strong", {}, placeOf(one)), ": ", one.why, "."),
  remedy(one, may) ?? (one.help && h("p", {class: "soft"}, one.help)));

const healthy = (status) => {
  const running = (status.applications ?? []).filter((one) => one.state === "running").length;
  return `Nothing is wrong. ${plural(running, "application")} and ${plural(status.processes ?? 0, "process", "processes")} run; the node is up for ${duration(status.uptime_ms ?? 0)}.`;
};

const first = (status, may) => {
  const wrong = wrongOf(status);
  if (wrong.length === 0) return h("p", {key: "first", class: "first good"}, healthy(status));
  return h("section", {key: "first", class: `first wrong ${wrong[0].isUrgent ? "urgent" : "warning"}`},
    h("h2", {}, wrong.length === 1 ? "One thing is wrong" : `${wrong.length} things are wrong`),
    h("ul", {}, wrong.slice(0, 20).map((one) => sentence(one, may))),
    wrong.length > 20 && h("p", {class: "soft"}, `and ${wrong.length - 20} more: coppice health`));
};

export const overview = {
  title: "Overview",
  topics: ["status"],
  begin(place, {may}) {
    let status = null;
    let history = [];
    const draw = () => status && update(place, titled(status.name ?? "", h("span", {class: "soft"}, `${status.version}, ${status.state}`)),
      first(status, may),
      h("section", {key: "charts", class: "charts"}, Object.values(series).map((one) => one.draw())),
      section("Applications", table("Applications", [["Name", (one) => link(`#/tree/${encodeURIComponent(one.name)}`, one.name)], ["State", (one) => h("span", {class: one.state === "running" ? "good" : "bad"}, one.state)],
        ["Type", (one) => one.type], ["Reason", (one) => one.reason ?? "", {text: true}], ["", (one) => h("span", {class: "actions"}, applicationActions(may, one.name, one.state))]], status.applications ?? [], {key: (one) => one.name})),
      section("The node", facts({
        workers: status.workers, "process id": String(status.os_pid ?? "–"), creation: String(status.creation ?? "–"), "started again": plural(status.restarts ?? 0, "time"), listens: status.listen, EPMD: status.epmd,
        "life before": status.former_life ? `${status.former_life.orderly ? "ended in order" : "did not end in order"}: ${status.former_life.how}` : undefined,
        "configuration on disk": h("span", {}, status.configuration?.on_disk, " ", status.configuration?.on_disk === "differs" && applyAction(may)),
        "dead letters": status.dead_letters, "dropped messages": status.dropped, "malformed messages": status.malformed, "slow handlers": status.slow_handlers, "stuck threads": status.stuck_threads,
        changes: status.changes?.length ? status.changes : undefined, certificates: status.certificates?.length ? status.certificates : undefined})),
      section("What was applied", table("What was applied", [["At", (one) => moment(one.at)], ["By", (one) => one.by], ["Changes", (one) => one.changes.length === 0 ? "as it started" : shown(one.changes), {text: true}]], history, {key: (one) => one.number, empty: "Nothing yet."})));
    const poll = polls(() => get("history"), ({entries}) => { history = entries.slice(-10).reverse(); draw(); }, h("div", {}), 10000);
    return {told(_, document) { status = document; draw(); }, end: () => poll.end()};
  },
};
