// SPDX-License-Identifier: MIT
// The log as it is written. The view keeps the last 1,000 lines and follows the end unless its reader scrolls up. Below it
// are the levels that somebody has set, and the handlers that lines go to beside the one stream.
import {get} from "./api.js";
import {levelAction} from "./actions.js";
import {count, duration, h, section, table, titled, update} from "./dom.js";
import {bad, polls} from "./reports.js";

const MOST = 1000;
const LEVELS = ["trace", "debug", "info", "notice", "warning", "error"];

const levelsOf = ({level, configured, differs}) => section("Levels", differs.length === 0 ? h("p", {class: "soft"}, `Lines from the level ${level} on are written, as configured.`) : table("Levels", [["Of", (one) => one.of ?? "everything"], ["Level", (one) => one.level],
  ["Configured", (one) => one.scope === "process" ? "–" : configured.modules[one.of] ?? configured.level], ["For", (one) => one.left_ms === null ? "until it is set again" : duration(one.left_ms)]], differs, {key: (one) => `${one.scope} ${one.of}`}));

const handlersOf = (handlers) => handlers.length > 0 && section("Handlers", table("Handlers", [["Handler", (one) => one.name], ["Lines go to", (one) => one.syslog ?? "an actor", {text: true}], ["From level", (one) => one.level], ["Waiting", (one) => `${count(one.waiting)} of ${count(one.limit)}`, {number: true}], ["Lost", (one) => bad(one.dropped), {number: true}],
  ["State", (one) => one.failing ? h("span", {class: "bad"}, one.failing) : h("span", {class: "good"}, "takes lines"), {text: true}]], handlers, {key: (one) => one.name}));

export const log = {
  title: "Log",
  topics: ["log"],
  right: "state",
  begin(place, {may}) {
    let lines = [];
    let made = 0; // names the lines, so that one that is shown stays the element that it is
    const level = h("select", {"aria-label": "Least level", onchange: () => draw()}, LEVELS.map((one) => h("option", {value: one, selected: one === "info"}, one)));
    const filter = h("input", {type: "search", placeholder: "Text, module, process", "aria-label": "Filter", oninput: () => draw()});
    const list = h("ol", {class: "log", tabindex: 0, "aria-label": "Lines of the log"});
    const fits = (line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level.value) && (!filter.value || `${line.module} ${line.message} ${Object.values(line.fields ?? {}).join(" ")}`.toLowerCase().includes(filter.value.toLowerCase()));
    const draw = () => {
      const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      update(list, lines.filter(fits).map((line) => h("li", {key: line.key, class: line.level}, h("time", {}, line.time?.slice(11, 23)), h("b", {}, line.level), h("i", {}, line.module), h("span", {}, line.message))));
      if (follows) list.scrollTop = list.scrollHeight;
    };
    const below = h("div", {});
    const poll = polls(() => get("log-level"), (found) => update(below, levelsOf(found), handlersOf(found.handlers)), below, 5000);
    place.replaceChildren(titled("Log", level, filter, levelAction(may, "", () => poll.now())), list, below);
    return {
      end: () => poll.end(),
      told(_, {lines: more, missed}) {
        if (missed > 0) lines.push({level: "warning", module: "page", message: `${missed} lines were written too quickly to be sent`, time: ""});
        lines = [...lines, ...more].slice(-MOST);
        for (const line of lines) line.key ??= `line ${++made}`;
        draw();
      },
    };
  },
};
