// SPDX-License-Identifier: MIT
// The list of processes, which the node sorts and filters, sending at most 500 whatever it has; and one process whole.
import {get} from "./api.js";
import {exitAction, levelAction, traceAction} from "./actions.js";
import {bytes, count, duration, facts, h, moment, processLink, ranFor, section, shown, table, titled, update} from "./dom.js";
import {engineOf} from "./engines.js";
import {polls} from "./reports.js";

const MOST = 500;
const ENGINES = ["", "server", "supervisor", "pool", "statem", "producer", "producer_consumer", "consumer", "consumer_supervisor", "tcp", "web", "udp", "router", "raft", "saga", "event_manager"];

export const processes = {
  title: "Processes",
  begin(place, {path}) {
    let sort = "mailbox";
    const filter = h("input", {type: "search", value: path, placeholder: "Name, path, plugin", "aria-label": "Filter", oninput: () => again()});
    const behaviour = h("select", {"aria-label": "Behaviour", onchange: () => again()}, ENGINES.map((one) => h("option", {value: one}, one || "every behaviour")));
    const list = h("div", {});
    place.replaceChildren(titled("Processes", filter, behaviour), list);
    const by = (key, more) => ({number: true, sorted: sort === key, sort: () => { sort = key; poll.now(); }, ...more});
    const show = ({processes: found, total}) => update(list,
      table("Processes", [["Process", (one) => processLink(one.pid)], ["Name and path", (one) => [one.name, one.name && " ", one.label && one.label !== one.name && h("span", {class: one.name && "soft"}, one.label)], {text: true}], ["Behaviour", (one) => [one.behaviour, one.plugin].filter(Boolean).join(" · "), {minor: true, text: true}], ["Status", (one) => one.status, {least: true}],
        ["Mailbox", (one) => h("span", {class: one.mailbox > 1000 && "bad"}, count(one.mailbox)), by("mailbox")], ["Memory", (one) => bytes(one.memory ?? 0), by("memory")], ["Processor time", (one) => ranFor(one.cpu_us), by("time", {minor: true})], ["Reductions", (one) => count(one.reductions), by("reductions", {minor: true})]], found, {key: (one) => one.pid, empty: "No process fits."}),
      total > found.length && h("p", {key: "rest", class: "soft"}, `${count(found.length)} of ${count(total)} are shown.`));
    const poll = polls(() => get("ps", {sort, limit: MOST, filter: filter.value, behaviour: behaviour.value}), show, list, 3000);
    let typing = 0;
    const again = () => {
      history.replaceState(null, "", `#/processes${filter.value ? `/${encodeURIComponent(filter.value)}` : ""}`);
      clearTimeout(typing);
      typing = setTimeout(() => poll.now(), 200);
    };
    return {end: () => { clearTimeout(typing); poll.end(); }};
  },
};

const waitOf = (waits) => waits ? `${waits.for === "moment" ? "a moment" : waits.for}${waits.whom ? ` ${waits.whom}` : ""}, since ${duration(waits.since_ms)}${waits.left_ms === null ? "" : `, for ${duration(waits.left_ms)} more`}` : undefined;

const handledOf = (handles) => handles ? [handles.callback, handles.message && `of ${handles.message}`, handles.whom && `for ${handles.whom}`].filter(Boolean).join(" ") + `, since ${duration(handles.since_ms)}` : undefined;

const waitingTable = (waiting) => table("Messages that wait", [["First in the mailbox", (one) => h("code", {}, one.what), {text: true}], ["From", (one) => shown(one.from)], ["Waits for", (one) => one.age_ms === null ? "–" : duration(one.age_ms), {number: true}]], waiting);

export const process = {
  title: "Process",
  begin(place, {may, node, path}) {
    place.replaceChildren(titled(path));
    const poll = polls(() => get("info", {name: path}), (one) => {
      const {pid, name, label, behaviour, plugin, actor, generation, status, waits, parent, priority, worker, mailbox = {}, memory, reductions, cpu_us: ran, state, engine, debug, handles, waiting = [], ends = [], links, monitors, monitored_by: watchers, group_leader: leader, trap_exit: traps, ...more} = one;
      const told = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)));
      update(place, titled(name ?? label ?? pid, h("span", {class: "soft"}, [behaviour, status].filter(Boolean).join(", ")), h("span", {class: "actions"}, exitAction(may, pid, () => poll.now()), levelAction(may, name ?? pid))),
        h("div", {key: "columns", class: "columns"},
          section("Process", facts({process: h("code", {}, pid), path: label, "waits for": waitOf(waits), "works on": handledOf(handles), plugin: plugin ? `${plugin}${actor && actor !== plugin ? `:${actor}` : ""}, generation ${generation}` : undefined,
            parent: processLink(parent), memory: bytes(memory ?? 0), reductions, "processor time": ranFor(ran), "traps exits": traps, priority, worker: worker === null ? undefined : String(worker), ...told})),
          section("Mailbox", facts({messages: mailbox.length, bytes: bytes(mailbox.bytes ?? 0), "oldest has waited": mailbox.length > 0 ? duration(mailbox.oldest_ms) : undefined, dropped: mailbox.dropped}), waiting.length > 0 && waitingTable(waiting))),
        state !== undefined && state !== null && section("State", h("pre", {tabindex: 0}, shown(state))),
        engine && Object.keys(engine).length > 1 && section(`Engine: ${engine.kind ?? ""}`, engineOf(engine, {may, node})),
        debug && section("Debugging", traceAction(may, name ?? pid, () => poll.now()), facts({"switched on": debug})),
        section("Earlier ends", table("Earlier ends", [["When", (end) => moment(end.at)], ["Reason", (end) => h("code", {}, end.reason), {text: true}]], [...ends].reverse(), {key: (end) => end.at, empty: "It has not ended since its supervisor started it."})),
        section("Links and monitors", facts({links, monitors, "monitored by": watchers, "group leader": processLink(leader)})));
    }, place);
    return {end: () => poll.end()};
  },
};
