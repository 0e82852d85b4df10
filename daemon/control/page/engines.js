// SPDX-License-Identifier: MIT
// What engines report, each kind as people read it. Used by the page of one process and by the views of a kind.
import {raftParts, sagaParts} from "./agreed.js";
import {bytes, count, duration, facts, h, processLink, shown, table} from "./dom.js";
import {changesOf, graphOf} from "./machines.js";

export const poolTable = (engine) => table("Workers", [["Worker", (one) => processLink(one.pid)], ["At work", (one) => count(one.held), {number: true}], ["Wait for it", (one) => count(one.queued), {number: true}],
  ["Handled", (one) => count(one.handled), {number: true}], ["Busy", (one) => `${Math.min(100, Math.round(100 * one.busy_ms / Math.max(1, engine.uptime_ms)))} %`, {number: true}], ["Lost", (one) => count(one.lost), {number: true, minor: true}], ["Restarts", (one) => count(one.restarts), {number: true, minor: true}]],
engine.workers ?? [], {key: (one) => one.pid});

const counts = (engine, ...left) => facts(Object.fromEntries(Object.entries(engine).filter(([name]) => name !== "kind" && !left.includes(name))));

const pool = (engine) => [poolTable(engine), counts(engine, "workers", "uptime_ms")];

export const routesTable = (engine) => table("Routes", [["Route", (one) => h("code", {}, one.path), {text: true}], ["Goes to", (one) => one.to], ["Requests", (one) => count(one.requests), {number: true}], ["Errors", (one) => h("span", {class: one.errors > 0 && "bad"}, count(one.errors)), {number: true}],
  ["Median", (one) => one.requests > 0 ? micro(one.p50_us) : "–", {number: true, minor: true}], ["P99", (one) => one.requests > 0 ? micro(one.p99_us) : "–", {number: true}]], engine.routes ?? [], {key: (one) => one.path, empty: "It has no routes."});

export const micro = (us) => us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1e6).toFixed(1)} s`;

const ended = (engine) => Object.entries(engine.ended ?? {}).filter(([, many]) => many > 0).map(([how, many]) => `${how} ${count(many)}`).join(", ") || "–";

export const listenerFacts = (engine) => facts({listens: engine.listening, suspended: engine.suspended, "short of descriptors": engine.short_of_descriptors, waiting: engine.waiting, denied: engine.denied, shed: engine.shed, failed: engine.failed, crashed: engine.crashed,
  "requests in flight": engine.in_flight, answered: engine.answered ? Object.entries(engine.answered).map(([status, many]) => `${status}: ${count(many)}`).join(", ") || "–" : undefined, "connections ended": ended(engine), read: bytes(engine.bytes_read ?? 0), written: bytes(engine.bytes_written ?? 0)});

const web = (engine) => [routesTable(engine), listenerFacts(engine)];

export const handlersTable = (engine) => table("Handlers", [["Handler", (one) => h("code", {}, one.handler), {text: true}], ["Process", (one) => processLink(one.pid)], ["Seen", (one) => count(one.seen), {number: true}], ["Waiting", (one) => h("span", {class: one.slow && "bad"}, count(one.waiting), one.slow && " (slow)"), {number: true}],
  ["Mean", (one) => micro(one.mean_us), {number: true, minor: true}], ["Worst", (one) => micro(one.worst_us), {number: true, minor: true}], ["Dropped", (one) => count(one.dropped), {number: true}], ["Restarts", (one) => count(one.restarts), {number: true}], ["Last failure", (one) => one.failure === "none" ? "" : h("code", {}, one.failure), {text: true}]],
engine.handlers ?? [], {key: (one) => one.handler, empty: "It has no handlers."});

const eventManager = (engine) => [handlersTable(engine), counts(engine, "handlers")];

const router = (engine) => [table("Routes", [["Route", (one) => one.name], ["Goes to", (one) => one.to], ["Passed", (one) => count(one.passed), {number: true}], ["Failed", (one) => count(one.failed), {number: true}]], engine.routes ?? [], {key: (one) => one.name}), counts(engine, "routes")];

const timersTable = (engine) => table("Timers", [["Timer", (one) => h("code", {}, one.type), {text: true}], ["Fires in", (one) => duration(one.left_ms), {number: true}]], engine.timeouts ?? [], {empty: "No timer runs."});

export const machineParts = (engine, may) => [graphOf(engine, may), timersTable(engine), changesOf(engine),
  facts({postponed: `${count(engine.postponed?.length ?? 0)} of ${count(engine.postponed?.limit ?? 0)}${engine.postponed?.dropped > 0 ? `, ${count(engine.postponed.dropped)} dropped` : ""}`, "oldest postponed": engine.postponed?.length > 0 ? engine.postponed.oldest : undefined, queued: engine.queued})];

// The pid in a subscription's peer, {#Pid<'NODE'.CREATION.ID.SERIAL>,…}, as this node writes it; a process of another node
// keeps its text.
export const peerOf = (text, node) => {
  const found = /^\{#Pid<'((?:[^'\\]|\\.)*)'\.\d+\.(\d+)\.(\d+)>/.exec(text);
  if (!found) return text;
  return found[1] === node ? `<0.${found[2]}.${found[3]}>` : `<${found[2]}.${found[3]}> of ${found[1]}`;
};

const stage = (engine, {node}) => [table("Subscriptions", [["Peer", (one) => shown(peerOf(one.peer, node))], ["It is the", (one) => one.direction], ["Asked", (one) => count(one.asked), {number: true, minor: true}], ["Passed", (one) => count(one.passed), {number: true}], ["Demand open", (one) => count(one.in_flight), {number: true}],
  ["Buffered", (one) => count(one.buffered), {number: true}], ["Backlog", (one) => count(one.backlog), {number: true, minor: true}], ["Last passed", (one) => one.last_ms === "none" ? "–" : `${duration(one.last_ms)} ago`, {number: true, minor: true}]], engine.subscriptions ?? [], {key: (one) => `${one.direction} ${one.peer}`, empty: "It has no subscriptions."}),
counts(engine, "subscriptions")];

const statem = (engine, {may}) => machineParts(engine, may);

const raft = (engine) => [engine.why && h("p", {class: "failed"}, engine.why), raftParts(engine)];

// An actor of a connection has the kind of its listener.
const tcp = (engine) => engine.listening && listenerFacts(engine);

const kinds = {pool, web, tcp, event_manager: eventManager, router, statem, producer: stage, producer_consumer: stage, consumer: stage, consumer_supervisor: stage, raft, saga: sagaParts};

const PROGRAM = ["program", "pid", "read", "written", "queued"];

const programOf = ({program, pid, read, written, queued}) => facts({program: h("code", {}, program), "its process id": String(pid ?? "–"), read: bytes(read ?? 0), written: bytes(written ?? 0), "to be written": bytes(queued ?? 0)});


// What an engine reports, and its program or its streams, which an actor of any kind may have.
export const engineOf = (engine, context) => {
  const {connections, connect, streams, ...rest} = engine;
  const hasProgram = rest.program !== undefined;
  const own = hasProgram ? Object.fromEntries(Object.entries(rest).filter(([name]) => !PROGRAM.includes(name))) : rest;
  return [(kinds[engine.kind] ?? counts)(own, context), hasProgram && programOf(rest),
    connect && h("p", {}, `Connected to ${connect.to}: ${connect.up ? "yes" : "no"}, ${count(connect.tries)} tries, ${count(connect.failed)} failed`),
    Array.isArray(connections) && table("Streams", [["Stream", (one) => shown(one.id)], ["Peer", (one) => one.peer], ["Open", (one) => shown(one.open)], ["TLS", (one) => shown(one.tls), {minor: true}], ["Read", (one) => bytes(one.read), {number: true}], ["Written", (one) => bytes(one.written), {number: true}], ["Queued", (one) => bytes(one.queued), {number: true}]], connections, {key: (one) => one.id}),
    streams > (connections?.length ?? 0) && h("p", {class: "soft"}, `and ${count(streams - connections.length)} more streams`)];
};
