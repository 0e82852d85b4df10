// SPDX-License-Identifier: MIT
// The log as it is written. The view keeps the last 1,000 lines and follows the end unless its reader scrolls up.
import {h, titled, update} from "./dom.js";
import {levelAction} from "./actions.js";

const MOST = 1000;
const LEVELS = ["trace", "debug", "info", "notice", "warning", "error"];

export const log = {
  title: "Log",
  topics: ["log"],
  right: "state",
  begin(place, {may}) {
    let lines = [];
    let count = 0; // names the lines, so that one that is shown stays the element that it is
    const level = h("select", {"aria-label": "Least level", onchange: () => draw()}, LEVELS.map((one) => h("option", {value: one, selected: one === "info"}, one)));
    const filter = h("input", {type: "search", placeholder: "Text or module", "aria-label": "Filter", oninput: () => draw()});
    const list = h("ol", {class: "log", tabindex: 0, "aria-label": "Lines of the log"});
    const fits = (line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level.value) && (!filter.value || `${line.module} ${line.message}`.toLowerCase().includes(filter.value.toLowerCase()));
    const draw = () => {
      const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      update(list, lines.filter(fits).map((line) => h("li", {key: line.key, class: line.level}, h("time", {}, line.time?.slice(11, 23)), h("b", {}, line.level), h("i", {}, line.module), h("span", {}, line.message))));
      if (follows) list.scrollTop = list.scrollHeight;
    };
    place.replaceChildren(titled("Log", level, filter, levelAction(may, "")), list);
    return {
      told(_, {lines: more, missed}) {
        if (missed > 0) lines.push({level: "warning", module: "page", message: `${missed} lines were written too quickly to be sent`, time: ""});
        lines = [...lines, ...more].slice(-MOST);
        for (const line of lines) line.key ??= `line ${++count}`;
        draw();
      },
    };
  },
};
