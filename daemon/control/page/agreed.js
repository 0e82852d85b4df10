// SPDX-License-Identifier: MIT
// The views of what several processes agree on: replicated state machines with the members of their groups, and sagas with
// their transactions and the steps of each.
import {get} from "./api.js";
import {problem} from "./actions.js";
import {Rates} from "./chart.js";
import {bytes, count, duration, facts, h, link, OpenRows, plural, shown, table} from "./dom.js";
import {bad, named, nameOf, viewOf} from "./reports.js";

const good = (words) => h("span", {class: "good"}, words);
const wrong = (words) => h("span", {class: "bad"}, words);
const figure = (name) => (one) => shown(one.engine?.[name]);
const worry = (name) => (one) => one.engine ? bad(one.engine[name]) : "–";

// How far a member is, and when it was heard last, is known to the leader alone.
const membersTable = (engine) => {
  const leads = engine.role === "leader";
  const isKnown = (one) => one.match > 0 || leads;
  return table("Members", [["Member", (one) => [one.address, one.address === engine.leader && h("span", {class: "soft"}, " leads")], {text: true}], ["Role", (one) => one.role], ["Entries on disk", (one) => isKnown(one) ? count(one.match) : "–", {number: true}],
    ["Behind", (one) => isKnown(one) ? count(Math.max(0, engine.committed - one.match)) : "–", {number: true}], ["Last heard", (one) => leads && one.address !== engine.leader ? `${duration(one.heard_ms)} ago` : "–", {number: true, minor: true}], ["Id", (one) => h("code", {title: one.id}, one.id.slice(0, 8)), {least: true}]],
  engine.members ?? [], {key: (one) => one.address, empty: "It knows of no members yet."});
};

export const raftParts = (engine) => [membersTable(engine), facts({term: engine.term, committed: engine.committed, applied: engine.applied, "last serial": engine.serial, "last snapshot at": engine.snapshot, log: bytes(engine.log_bytes), "clients with a session": engine.clients, "commands dropped": engine.dropped})];

const stateOfGroup = ({engine}) => !engine ? "–" : engine.why ? wrong(engine.why) : engine.leader ? good("in order") : wrong("knows no leader");

export const raft = {right: "state", ...viewOf("Raft groups", ["raft"], "The node has no replicated state machines.", ({again}) => {
  const open = new OpenRows(again, 3);
  const rates = new Rates();
  return (rows) => table("Raft groups", [["Group", named], ["State", stateOfGroup, {text: true}], ["Here", figure("role")], ["Leader", figure("leader"), {text: true}], ["Committed/s", (one) => rates.of(one.pid, one.engine?.committed ?? 0), {number: true}],
    ["Not applied", (one) => one.engine ? count(one.engine.committed - one.engine.applied) : "–", {number: true}], ["Calls wait", figure("waiting"), {number: true, least: true}]],
  rows, {key: (one) => one.pid, more: {rows: open, title: nameOf, show: (one) => one.engine && raftParts(one.engine)}});
})};

const trouble = (one) => [one.in_doubt && wrong("in doubt "), one.parked && wrong("cannot be undone "), one.heuristic && wrong("decided by hand ")];
const left = (one) => one.left_ms > 0 ? duration(one.left_ms) : "–";

const stepsOf = (told) => [
  table("Parts", [["Part", (one) => count(one.part)], ["State", (one) => [one.state, " ", trouble(one)]], ["Asked by", (one) => shown(one.from), {text: true}], ["Attempt", (one) => count(one.attempt), {number: true, least: true}], ["Time left", left, {number: true}], ["Answer", (one) => one.answer ? h("code", {}, one.answer) : "", {text: true}]], told.parts ?? [], {key: (one) => one.part, empty: "It is not open here any more."}),
  table("Steps", [["Step", (one) => `${one.part}.${one.step}`], ["Done by", (one) => one.to, {text: true}], ["State", (one) => [one.state, one.parked && wrong(" cannot be undone"), one.skipped && " skipped"]], ["Asks for", (one) => shown(one.pending), {minor: true}], ["Attempts", (one) => count(one.attempts), {number: true}], ["Next try in", (one) => one.next_ms > 0 ? duration(one.next_ms) : "–", {number: true, least: true}], ["Answer", (one) => one.answer ? h("code", {}, one.answer) : "", {text: true}]],
    told.steps ?? [], {key: (one) => `${one.part}.${one.step}`, empty: "It has no steps."}),
  facts({outcome: told.outcome})];

const EVERY = 1500; // ms between two looks at a transaction

// The transactions of a saga, each of which can be opened. `again` draws the view.
const transactions = (again) => {
  const open = new OpenRows(again);
  const known = new Map(); // of those that are open → {told: document or problem, at, isAsked}
  const look = async (pid, tx, its) => {
    its.isAsked = true;
    try {
      its.told = stepsOf(await get("saga", {name: pid, tx}));
    } catch (error) {
      its.told = h("p", {class: "failed"}, problem(error));
    }
    Object.assign(its, {isAsked: false, at: performance.now()});
    again();
  };
  const steps = (pid, tx) => {
    const key = `${pid} ${tx}`;
    const its = known.get(key) ?? {told: h("p", {class: "soft"}, "…"), at: -EVERY, isAsked: false};
    known.set(key, its);
    if (!its.isAsked && performance.now() - its.at >= EVERY) look(pid, tx, its);
    return its.told;
  };
  return ({pid, engine}) => [table("Open transactions", [["Transaction", (one) => h("code", {}, one.tx), {text: true}], ["State", (one) => [one.state, " ", trouble(one)]], ["Depth", (one) => count(one.depth), {number: true, least: true}], ["Time left", left, {number: true}], ["Waits for", (one) => one.waits_for.join(", "), {text: true}]],
    engine.transactions ?? [], {key: (one) => `${pid} ${one.tx}`, empty: "No transaction is open.", more: {rows: open, title: (one) => one.tx, show: (one) => steps(pid, one.tx)}}),
  engine.open > (engine.transactions?.length ?? 0) && h("p", {class: "soft"}, `${engine.transactions.length} of ${count(engine.open)} are shown: the oldest.`)];
};

const sagaCounts = (engine) => facts({"a transaction commits": engine.commit === "two_phase" ? "in two phases" : "step by step, or is compensated", log: engine.log, steps: engine.steps, started: engine.started, refused: engine.refused, committed: engine.committed, compensated: engine.compensated, aborted: engine.aborted, "undo failed": engine.undo_failures, "asked again": engine.asked_again, "answers kept": engine.kept_answers, "decided by hand": engine.heuristic, "against the others": engine.heuristic_mismatch, dropped: engine.dropped && Object.values(engine.dropped).reduce((all, one) => all + one, 0)});

// Without what can be opened, for the page of one process.
export const sagaParts = (engine) => [engine.stopped && h("p", {class: "failed"}, engine.stopped), h("p", {}, `${plural(engine.open, "transaction")} open, ${count(engine.in_doubt)} in doubt, ${count(engine.parked)} that cannot be undone. `, link("#/sagas", "All sagas")), sagaCounts(engine)];

const stateOfSaga = ({engine}) => !engine ? "–" : engine.stopped ? wrong(engine.stopped) : engine.overloaded ? wrong("overloaded") : engine.parked > 0 ? wrong("waits for an operator") : engine.in_doubt > 0 ? wrong("waits for other coordinators") : good("in order");

export const sagas = {right: "state", ...viewOf("Sagas", ["saga"], "The node has no sagas.", ({again}) => {
  const open = new OpenRows(again, 3);
  const rates = new Rates();
  const openOnes = transactions(again);
  return (rows) => table("Sagas", [["Saga", named], ["State", stateOfSaga, {text: true}], ["Started/s", (one) => rates.of(one.pid, one.engine?.started ?? 0), {number: true}], ["Open", figure("open"), {number: true}], ["In doubt", worry("in_doubt"), {number: true}], ["Cannot be undone", worry("parked"), {number: true}],
    ["Committed", figure("committed"), {number: true, least: true}], ["Compensated", figure("compensated"), {number: true, least: true}], ["Aborted", figure("aborted"), {number: true, least: true}]],
  rows, {key: (one) => one.pid, more: {rows: open, title: nameOf, show: (one) => one.engine && [openOnes(one), sagaCounts(one.engine)]}});
})};
