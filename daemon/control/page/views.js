// SPDX-License-Identifier: MIT
// The views but for the process list and the log. A view is {title, topics, begin(place, context) → {told?, end?}}: `told` gets
// each document of its topics as it changes; `end` is called when another view begins.
// `context`: {may(right), node, path: what stands behind the view's name in the address}.
import {get} from "./api.js";
import {Rate, Series} from "./chart.js";
import {applicationActions, childActions, exitAction, levelAction, problem, reloadAction} from "./actions.js";
import {bytes, duration, facts, h, link, processLink, shown, table} from "./dom.js";

// Fetches documents again and again while the view is there; the next fetch waits for the answer. now() begins anew: what
// an earlier fetch still brings is not shown, and no second one goes on beside it.
export const polls = (fetch, show, place, every = 2000) => {
  let timer = 0;
  let round = 0;
  const once = async () => {
    const mine = ++round;
    try {
      const found = await fetch();
      if (mine === round) show(found);
    } catch (error) {
      if (mine === round) place.replaceChildren(h("p", {class: "failed"}, problem(error)));
    }
    if (mine === round) timer = setTimeout(once, every);
  };
  once();
  return {now: () => { clearTimeout(timer); return once(); }, end: () => { ++round; clearTimeout(timer); }};
};

const titled = (title, ...more) => h("div", {class: "title"}, h("h1", {}, title), more);

const overview = {
  title: "Overview",
  topics: ["status"],
  begin(place) {
    const series = {
      processes: new Series("Processes"), memory: new Series("Memory of messages", bytes), rss: new Series("Memory of the node", bytes),
      turns: new Series("Turns of workers a second", (value) => value.toFixed(0)), connections: new Series("Connections"), restarts: new Series("Restarts a minute", (value) => value.toFixed(0)),
    };
    const rates = {turns: new Rate(), restarts: new Rate()};
    return {
      told(_, status) {
        series.processes.add(status.processes ?? 0);
        series.memory.add(status.message_memory ?? 0);
        series.connections.add(status.connections ?? 0);
        series.restarts.add(rates.restarts.of(status.child_restarts ?? 0) * 60);
        series.rss.add(status.resident_memory ?? 0);
        series.turns.add(rates.turns.of(status.turns ?? 0));
        const wrong = [...(status.complaints ?? []), ...(status.warnings ?? [])];
        place.replaceChildren(titled(status.name ?? ""),
          wrong.length === 0 ? h("p", {class: "good"}, "Nothing is wrong.") : h("section", {class: "wrong"}, h("h2", {}, "What is wrong"), h("ul", {}, wrong.map((one) => h("li", {}, h("strong", {}, `${one.what} ${one.name}`), ": ", one.why, one.help && [" ", h("code", {}, one.help)])))),
          h("section", {class: "charts"}, Object.values(series).filter((one) => one.values.length > 0).map((one) => one.draw())),
          h("section", {}, h("h2", {}, "Applications"), table("Applications", [["Name", (one) => link("#/tree", one.name)], ["State", (one) => one.state], ["Type", (one) => one.type], ["Reason", (one) => shown(one.reason)]], status.applications ?? [])),
          h("section", {}, h("h2", {}, "The node"), facts({
            state: status.state, "up for": duration(status.uptime_ms ?? 0), version: status.version, workers: status.workers, creation: status.creation, "process id": status.os_pid, listens: status.listen, EPMD: status.epmd,
            "configuration on disk": status.configuration?.on_disk, "stuck threads": status.stuck_threads, "slow handlers": status.slow_handlers, "dead letters": status.dead_letters, "dropped messages": status.dropped,
            "switched off": status.switched_off, changes: status.changes, certificates: status.certificates})));
      },
    };
  },
};

const states = {running: "good", up: "good"};
const stateOf = (state) => h("span", {class: `state ${states[state] ?? "bad"}`}, state);

const tree = {
  title: "Tree",
  topics: ["tree"],
  begin(place, {may}) {
    const closed = new Set();
    let wanted = "";
    let last = {applications: []};
    const matches = (one, path) => !wanted || [path, one.name, one.plugin, one.behaviour, one.pid, one.state].some((text) => text?.toLowerCase().includes(wanted)) || (one.children ?? []).some((child) => matches(child, `${path}/${child.id}`));
    const branch = (one, path) => {
      if (!matches(one, path)) return null;
      const row = [h("span", {class: "id"}, processLink(one.pid, one.id ?? one.name ?? path)), one.name && one.name !== one.id && h("code", {}, one.name), h("span", {class: "soft"}, [one.behaviour, one.plugin].filter(Boolean).join(" · ")),
        stateOf(one.state), one.restarts > 0 && h("span", {class: "count", title: "restarts"}, `${one.restarts} restarts`), one.last_end && h("span", {class: "soft"}, `last end: ${shown(one.last_end.reason ?? one.last_end)}`),
        h("span", {class: "actions"}, path.includes("/") && childActions(may, path, one.state))];
      if (!one.children) return h("li", {}, h("div", {class: "row"}, row));
      const details = h("details", {open: wanted !== "" || !closed.has(path)}, h("summary", {class: "row"}, row), h("ul", {}, one.children.map((child) => branch(child, `${path}/${child.id}`))));
      details.addEventListener("toggle", () => details.open ? closed.delete(path) : closed.add(path));
      return h("li", {}, details);
    };
    const list = h("div", {});
    const draw = () => list.replaceChildren(...(last.applications ?? []).map((one) => h("section", {}, h("h2", {}, one.name, " ", stateOf(one.state), " ", applicationActions(may, one.name, one.state)),
      one.reason && h("p", {class: "failed"}, one.reason), one.supervisor && h("ul", {class: "tree"}, branch(one.supervisor, one.name)))));
    const box = h("input", {type: "search", placeholder: "Search", "aria-label": "Search the tree", oninput: () => { wanted = box.value.toLowerCase(); draw(); }});
    place.replaceChildren(titled("Supervision tree", box), list);
    return {told(_, document) { last = document; draw(); }};
  },
};

const engines = {
  pool: (engine) => table("Workers", [["Worker", (one) => processLink(one.pid)], ["At work", (one) => one.held, {number: true}], ["Wait for it", (one) => one.queued, {number: true}], ["Handled", (one) => one.handled, {number: true}], ["Restarts", (one) => one.restarts, {number: true}]], engine.workers ?? []),
};

const process = {
  title: "Process",
  hidden: true,
  begin(place, {may, path}) {
    const poll = polls(() => get("info", {name: path}), (one) => {
      const {mailbox = {}, state, engine, ends, links, monitors, monitored_by: watchers, ...rest} = one;
      place.replaceChildren(titled(one.name ?? one.label ?? one.pid, h("span", {class: "actions"}, exitAction(may, one.pid, () => poll.now()), levelAction(may, one.name ?? one.pid))),
        h("section", {}, facts({...rest, parent: rest.parent ? [rest.parent] : null, group_leader: rest.group_leader ? [rest.group_leader] : null, memory: bytes(rest.memory ?? 0)})),
        h("section", {}, h("h2", {}, "Mailbox"), facts(mailbox)),
        state !== undefined && h("section", {}, h("h2", {}, "State"), h("pre", {}, shown(state))),
        engine && h("section", {}, h("h2", {}, `Engine${engine.kind ? `: ${engine.kind}` : ""}`), engine.kind === "statem" ? machine(engine) : (engines[engine.kind] ?? facts)(engine)),
        h("section", {}, h("h2", {}, "Links and monitors"), facts({links, monitors, "monitored by": watchers})),
        h("section", {}, h("h2", {}, "Earlier ends"), shown(ends)));
    }, place);
    return {end: () => poll.end()};
  },
};

// The states that a state machine has been in lately, the present one marked.
const machine = (engine) => {
  const known = [...new Set([...(engine.transitions ?? []).map((one) => one.to), engine.state])];
  return [h("ul", {class: "states"}, known.map((name) => h("li", {"aria-current": name === engine.state && "true"}, name))), facts(engine)];
};

const plugins = {
  title: "Plugins",
  begin(place, {may}) {
    const poll = polls(() => get("plugins"), ({plugins: list}) => place.replaceChildren(titled("Plugins", reloadAction(may, "", () => poll.now())),
      table("Plugins", [["Plugin", (one) => one.id], ["Version", (one) => one.version], ["Generation", (one) => one.generation, {number: true}], ["Actors", (one) => (one.actors ?? []).join(", ")], ["Older generations kept by", (one) => shown(one.kept)],
        ["File", (one) => one.file], ["", (one) => reloadAction(may, one.id, () => poll.now())]], list)), place, 5000);
    return {end: () => poll.end()};
  },
};

const cluster = {
  title: "Cluster",
  topics: ["nodes"],
  begin(place) {
    const rates = new Map();
    const rate = (name, key, value) => {
      const at = `${name} ${key}`;
      if (!rates.has(at)) rates.set(at, new Rate());
      return `${bytes(Math.round(rates.get(at).of(value ?? 0)))}/s`;
    };
    return {
      told(_, {nodes}) {
        place.replaceChildren(titled("Cluster"), table("Nodes", [["Node", (one) => one.name], ["State", (one) => stateOf(one.state)], ["TLS", (one) => shown(one.tls)], ["In", (one) => rate(one.name, "in", one.bytes_in), {number: true}],
          ["Out", (one) => rate(one.name, "out", one.bytes_out), {number: true}], ["Waits to be sent", (one) => bytes(one.queued), {number: true}], ["Last error", (one) => shown(one.last_error)]], nodes ?? [], "This node is connected to no other."));
      },
    };
  },
};

const events = {
  title: "Events",
  begin(place) {
    const poll = polls(() => get("events"), ({events: list}) => place.replaceChildren(titled("Named events"), table("Named events", [["Event", (one) => one.node ? `${one.name}@${one.node}` : one.name], ["Published", (one) => one.published, {number: true}],
      ["Subscribers", (one) => one.subscribers, {number: true}], ["Kept", (one) => one.kept, {number: true}], ["Lag", (one) => one.lag, {number: true}], ["Lost", (one) => one.lost, {number: true}], ["Producer", (one) => processLink(one.producer)], ["When slow", (one) => one.slow]], list)), place);
    return {end: () => poll.end()};
  },
};

const jobs = {
  title: "Jobs",
  begin(place) {
    const poll = polls(() => get("cron"), ({jobs: list}) => place.replaceChildren(titled("Jobs"), table("Jobs", [["Job", (one) => one.name], ["Schedule", (one) => `${one.at} ${one.timezone}`], ["Next", (one) => shown(one.next)], ["Last", (one) => shown(one.last)], ["Outcome", (one) => one.enabled ? shown(one.under_way > 0 ? "runs now" : one.outcome) : "disabled"], ["Runs", (one) => one.runs, {number: true}], ["Failures", (one) => one.failures, {number: true}]], list, "The node has no jobs.")), place, 5000);
    return {end: () => poll.end()};
  },
};

export const views = {overview, tree, process, plugins, cluster, events, jobs};
