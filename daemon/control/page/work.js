// SPDX-License-Identifier: MIT
// The views of what works in a node: pools, state machines, named events and event managers, jobs, listeners.
import {followEvent, get} from "./api.js";
import {jobActions, listenerActions, resizeAction} from "./actions.js";
import {Rates} from "./chart.js";
import {bytes, count, facts, h, OpenRows, processLink, section, shown, table, titled, update} from "./dom.js";
import {handlersTable, listenerFacts, machineParts, poolTable, routesTable} from "./engines.js";
import {machineTable} from "./machines.js";
import {bad, named, nameOf, polls, Reports, viewOf} from "./reports.js";

export const pools = viewOf("Pools", ["pool"], "The node has no pools.", ({may, again, now}) => {
  const open = new OpenRows(again, 3);
  const rates = new Rates();
  return (rows) => table("Pools", [["Pool", named], ["Workers", (one) => one.engine ? `${count(one.engine.size)}${one.engine.max > one.engine.size ? ` of ${count(one.engine.max)}` : ""}` : "–", {number: true}], ["At work", (one) => shown(one.engine?.held), {number: true}],
    ["Queue", (one) => shown(one.engine?.queued), {number: true}], ["Handled/s", (one) => rates.of(one.pid, one.engine?.handled ?? 0), {number: true}], ["Rejected", (one) => bad(one.engine?.rejected), {number: true}], ["Expired", (one) => bad(one.engine?.expired), {number: true, minor: true}],
    ["Lost", (one) => bad(one.engine?.lost), {number: true, minor: true}], ["", (one) => h("span", {class: "actions"}, resizeAction(may, nameOf(one), one.pid, one.engine?.size, now))]],
  rows, {key: (one) => one.pid, more: {rows: open, title: nameOf, show: (one) => one.engine && [poolTable(one.engine), facts({dispatch: one.engine.dispatch, handled: one.engine.handled, retried: one.engine.retried, unanswered: one.engine.unanswered, misdirected: one.engine.misdirected, "workers added by need": one.engine.grown, "workers removed": one.engine.shrunk})]}});
});

export const machines = viewOf("State machines", ["statem"], "The node has no state machines.", ({may, again}) => {
  const open = new OpenRows(again, 3);
  return (rows) => machineTable(rows, open, (one) => machineParts(one.engine, may));
});

export const listeners = viewOf("Listeners", ["web", "tcp", "udp"], "The node has no listeners.", ({may, again, now}) => {
  const open = new OpenRows(again, 3);
  const rates = new Rates();
  const requests = (engine) => (engine.routes ?? []).reduce((all, one) => all + one.requests, 0);
  const taken = (one) => one.engine?.kind === "web" ? requests(one.engine) : one.engine?.kind === "udp" ? one.engine.received : one.engine?.accepted;
  const state = (one) => !one.engine ? "–" : one.engine.suspended ? h("span", {class: "bad"}, "suspended") : one.engine.short_of_descriptors ? h("span", {class: "bad"}, "short of descriptors") : h("span", {class: "good"}, "listens");
  return (rows) => table("Listeners", [["Listener", named], ["Kind", (one) => one.behaviour], ["At", (one) => shown(one.engine?.listening ?? one.engine?.sockets)], ["State", state], ["Open", (one) => one.engine?.open === undefined ? "–" : `${count(one.engine.open)} of ${count(one.engine.max_connections)}`, {number: true}],
    ["A second", (one) => rates.of(one.pid, taken(one) ?? 0), {number: true}], ["Refused", (one) => bad(one.engine?.kind === "udp" ? one.engine.refused : (one.engine?.denied ?? 0) + (one.engine?.shed ?? 0)), {number: true, least: true}],
    ["", (one) => h("span", {class: "actions"}, one.engine?.suspended !== undefined && listenerActions(may, nameOf(one), one.pid, one.engine.suspended, now))]],
  rows, {key: (one) => one.pid, more: {rows: open, title: nameOf, show: (one) => one.engine && (one.engine.kind === "udp" ? facts({received: one.engine.received, sent: one.engine.sent, errors: one.engine.errors, refused: one.engine.refused, "too long": one.engine.too_long, "dropped by the kernel": one.engine.kernel_dropped, "receive buffer": bytes(one.engine.receive_buffer ?? 0)})
    : [one.engine.kind === "web" && routesTable(one.engine), listenerFacts(one.engine)])}});
});

// What is published to one event while somebody looks at it: the last hundred.
class Followed {
  constructor(name, again) {
    Object.assign(this, {lines: [], state: "waiting"});
    this.reading = followEvent(name, (one) => {
      this.lines = [one, ...this.lines].slice(0, 100);
      again();
    }, (state) => {
      this.state = state;
      again();
    });
  }

  shown() {
    const {state, lines} = this;
    if (state.why) return h("p", {class: "bad"}, state.why);
    return lines.length === 0 ? h("p", {class: "soft"}, state === "live" ? "Nothing was published yet." : "Connecting.")
      : table("Published", [["Number", (one) => one.missed ? "–" : count(one.seq), {number: true}], ["At", (one) => one.missed ? "–" : h("time", {datetime: one.time}, one.time.slice(11, 23))],
        ["What", (one) => one.missed ? h("span", {class: "bad"}, `${count(one.missed)} came too quickly to be sent`) : h("code", {}, one.payload), {text: true}]], lines);
  }
}

export const events = {
  title: "Events",
  begin(place, {may}) {
    const managers = new Reports("event_manager");
    const rates = new Rates();
    let last = null;
    const draw = () => last && update(place, titled("Events"),
      section("Named events", table("Named events", [["Event", (one) => one.node ? `${one.name} of ${one.node}` : one.name], ["Published/s", (one) => rates.of(keyOf(one), one.published), {number: true}], ["Subscribers", (one) => count(one.subscribers), {number: true}],
        ["Kept", (one) => `${count(one.kept)} of ${count(one.buffer)}`, {number: true}], ["Lag", (one) => count(one.lag), {number: true}], ["Lost", (one) => bad(one.lost), {number: true}], ["Producer", (one) => one.producer ? processLink(one.producer) : one.open ? "anybody" : "–", {minor: true}]],
      last.events, {key: keyOf, empty: "The node has no named events.", more: {rows: open, title: (one) => one.name, show: subscribers}})),
      section("Event managers", table("Event managers", [["Manager", named], ["Handlers", (one) => shown(one.engine?.handlers?.length), {number: true}], ["Events", (one) => shown(one.engine?.events), {number: true}], ["Failed handlers", (one) => bad(one.engine?.failures), {number: true}], ["Dropped", (one) => bad(one.engine?.dropped), {number: true}]],
        last.managers.rows, {key: (one) => one.pid, empty: "The node has no event managers.", more: {rows: open, title: nameOf, show: (one) => one.engine && handlersTable(one.engine)}})));
    const keyOf = (one) => `${one.name}@${one.node ?? ""}`;
    const followed = new Map(); // by name
    const turn = (name) => {
      followed.get(name)?.reading.stop();
      if (!followed.delete(name)) followed.set(name, new Followed(name, draw));
      draw();
    };
    const published = (one) => may("state") && !one.node && [
      h("button", {type: "button", "aria-expanded": String(followed.has(one.name)), onclick: () => turn(one.name)}, followed.has(one.name) ? "Stop following" : "Follow"), followed.get(one.name)?.shown()];
    const subscribers = (one) => [
      one.subscribed?.length ? h("p", {}, "Subscribers: ", shown(one.subscribed), one.subscribers > one.subscribed.length && h("span", {class: "soft"}, `and ${count(one.subscribers - one.subscribed.length)} more`)) : h("p", {class: "soft"}, "Nobody has subscribed."),
      facts({published: one.published, "last number": one.last, "sent here": one.sent_here, "sent to other nodes": one.sent_away, "when a subscriber is slow": one.slow, declared: one.declared, "open to whoever knows the name": one.open}), published(one)];
    const open = new OpenRows(draw);
    const poll = polls(async () => {
      const [named_, found] = await Promise.all([get("events"), managers.fetch()]);
      return {events: named_.events, managers: found};
    }, (found) => { last = found; draw(); }, place);
    return {end: () => {
      poll.end();
      for (const one of followed.values()) one.reading.stop();
    }};
  },
};

const WEEK = 7 * 24 * 3600 * 1000;

export const jobs = {
  title: "Jobs",
  begin(place, {may}) {
    const outcome = (one) => one.under_way > 0 ? h("span", {class: "good"}, "runs now") : one.outcome === "failed" ? h("span", {class: "bad"}, "failed") : shown(one.outcome);
    const poll = polls(async () => {
      const [{jobs: list, peers_away: away}, {next}] = await Promise.all([get("cron"), get("cron", {for_ms: WEEK})]);
      return {list, away, next};
    }, ({list, away, next}) => update(place, titled("Jobs"),
      away?.length > 0 && h("p", {key: "away", class: "bad"}, `Some of these jobs run on one of several nodes, of which ${away.join(", ")} ${away.length === 1 ? "is" : "are"} away.`),
      table("Jobs", [["Job", (one) => one.name], ["Schedule", (one) => [h("code", {}, one.at), " ", h("span", {class: "soft"}, one.timezone)]], ["Next", (one) => one.enabled ? time(one.next) : h("span", {class: "bad"}, "disabled")], ["Last", (one) => time(one.last), {least: true}], ["Outcome", outcome], ["Took", (one) => one.last ? `${count(one.took_ms)} ms` : "–", {number: true, least: true}],
        ["Runs", (one) => count(one.runs), {number: true}], ["Failures", (one) => bad(one.failures), {number: true}], ["Missed", (one) => bad(one.missed + one.skipped), {number: true, least: true}], ["", (one) => h("span", {class: "actions"}, jobActions(may, one, () => poll.now()))]], list, {key: (one) => one.name, empty: "The node has no jobs."}),
      list.length > 0 && section("The next seven days", h("p", {class: "soft"}, "Of jobs that have a time of day; a job that runs every so often is not among them."), table("The next seven days", [["At", (one) => time(one.at)], ["Job", (one) => one.name], ["Zone", (one) => one.timezone]], next.slice(0, 50), {key: (one) => `${one.at} ${one.name}`, empty: "None."}))), place, 5000);
    return {end: () => poll.end()};
  },
};

const time = (text) => text ? h("time", {datetime: text}, text.slice(0, 19).replace("T", " ")) : "–";
