// SPDX-License-Identifier: MIT
// The list of processes: the node sorts and filters and sends at most 500, whatever it has.
import {get} from "./api.js";
import {bytes, h, processLink, table} from "./dom.js";
import {polls} from "./views.js";

const MOST = 500;
const ENGINES = ["", "server", "supervisor", "pool", "statem", "producer", "producer_consumer", "consumer", "tcp", "web", "udp", "router", "saga", "event_manager"];

export const processes = {
  title: "Processes",
  begin(place) {
    let sort = "mailbox";
    const filter = h("input", {type: "search", placeholder: "Name, path, plugin", "aria-label": "Filter", oninput: () => again()});
    const behaviour = h("select", {"aria-label": "Behaviour", onchange: () => again()}, ENGINES.map((one) => h("option", {value: one}, one || "every behaviour")));
    const list = h("div", {});
    place.replaceChildren(h("div", {class: "title"}, h("h1", {}, "Processes"), filter, behaviour), list);
    const by = (key) => ({number: true, sorted: sort === key, sort: () => { sort = key; poll.now(); }});
    const show = ({processes: found, total}) => list.replaceChildren(
      table("Processes", [["Process", (one) => processLink(one.pid)], ["Name", (one) => one.name ?? ""], ["Path", (one) => one.label ?? ""], ["Behaviour", (one) => [one.behaviour, one.plugin].filter(Boolean).join(" · ")], ["Status", (one) => one.status],
        ["Mailbox", (one) => one.mailbox, by("mailbox")], ["Memory", (one) => bytes(one.memory ?? 0), by("memory")], ["Reductions", (one) => one.reductions, by("reductions")]], found, "No process fits."),
      total > found.length && h("p", {class: "soft"}, `${found.length} of ${total} are shown.`));
    const poll = polls(() => get("ps", {sort, limit: MOST, filter: filter.value, behaviour: behaviour.value}), show, list);
    let typing = 0;
    const again = () => {
      clearTimeout(typing);
      typing = setTimeout(() => poll.now(), 200);
    };
    return {end: () => poll.end()};
  },
};
