// SPDX-License-Identifier: MIT
// What views fetch again and again: documents, and the processes of some behaviours with what their engines report.
import {get, Refused} from "./api.js";
import {problem} from "./actions.js";
import {h, processLink, shown, titled, update} from "./dom.js";

const CALMER = 20; // a pause is at least so many times as long as the node took to answer

// The heading that a view has, without its buttons.
const titleOf = (place) => {
  const heading = place.querySelector(":scope > .title > h1");
  return heading && titled(heading.textContent);
};

// Fetches while the view is there and can be seen; the next fetch waits for the answer. now() begins anew: what an earlier
// fetch still brings is not shown, and no second one goes on beside it.
export const polls = (fetch, show, place, every = 2000) => {
  let timer = 0;
  let round = 0;
  const once = async () => {
    const mine = ++round;
    const began = performance.now();
    try {
      const found = await fetch();
      if (mine === round) show(found);
    } catch (error) {
      // A node that is away is said above; what it told last stays.
      if (mine === round && error instanceof Refused) update(place, titleOf(place), h("p", {class: "failed"}, problem(error)));
    }
    if (mine === round) timer = setTimeout(again, Math.max(every, CALMER * (performance.now() - began)));
  };
  const again = () => {
    if (!document.hidden) return once();
    document.addEventListener("visibilitychange", again, {once: true});
    return undefined;
  };
  once();
  return {
    now: () => { clearTimeout(timer); return once(); },
    end: () => { ++round; clearTimeout(timer); document.removeEventListener("visibilitychange", again); },
  };
};

const MOST_REPORTS = 100;
// Their actors, one of each connection perhaps, have the same behaviour, and report nothing of what the view is about.
const RUN_ACTORS = ["pool", "tcp", "web", "raft", "event_manager"];

// The processes of these behaviours, with the fullest mailbox first chosen where they are more than MOST_REPORTS, each with
// {engine, isOld}. A process that is busy does not answer in time: its last report is shown, and marked.
export class Reports {
  constructor(...behaviours) {
    Object.assign(this, {behaviours, last: new Map()});
  }

  async fetch() {
    const lists = await Promise.all(this.behaviours.map((behaviour) => get("ps", {behaviour, without_actors: RUN_ACTORS.includes(behaviour), sort: "mailbox", limit: MOST_REPORTS})));
    const found = lists.flatMap((one) => one.processes).sort((a, b) => b.mailbox - a.mailbox).slice(0, MOST_REPORTS);
    const infos = await Promise.all(found.map((one) => get("info", {name: one.pid}).catch(() => null)));
    const before = this.last;
    this.last = new Map();
    const rows = found.map((one, at) => {
      const told = infos[at]?.engine;
      const isOld = !told || Object.keys(told).length < 2;
      const engine = isOld ? before.get(one.pid) ?? null : told;
      if (engine) this.last.set(one.pid, engine);
      return {...one, engine, isOld};
    });
    rows.sort((a, b) => nameOf(a).localeCompare(nameOf(b), "en", {numeric: true}));
    return {rows, total: lists.reduce((all, one) => all + one.total, 0)};
  }
}

export const nameOf = (one) => one.name ?? one.label ?? one.pid;

// Cells of such rows: the process by its name, and a figure that ought to be 0.
export const named = (one) => [processLink(one.pid, nameOf(one)), one.isOld && h("span", {class: "soft", title: "It is busy; these figures are from before"}, " busy")];
export const bad = (value) => h("span", {class: value > 0 && "bad"}, shown(value));

// A view of what reports have: `show(rows)` makes it, beneath the title; `none` is said where there is nothing.
export const viewOf = (title, behaviours, none, show, every = 2000) => ({
  title,
  begin(place, context) {
    const reports = new Reports(...behaviours);
    let last = {rows: [], total: 0};
    const draw = () => {
      const {rows, total} = last;
      update(place, titled(title),
        rows.length === 0 ? h("p", {class: "soft"}, none) : shows(rows),
        total > rows.length && h("p", {key: "rest", class: "soft"}, `${rows.length} of ${total} are shown: those with the most messages before them.`));
    };
    const shows = show({...context, again: () => draw(), now: () => poll.now()});
    const poll = polls(() => reports.fetch(), (found) => { last = found; draw(); }, place, every);
    return {end: () => poll.end()};
  },
});
