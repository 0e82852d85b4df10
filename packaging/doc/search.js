// SPDX-License-Identifier: MIT
// The search of the documentation: every word has to be in a part; parts that have them in their heading come first.
// The index is index.js. Keys: / begins a search, Escape ends it, the arrows go through what was found.
"use strict";
{
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const lower = pieces.map(([, title, heading, text]) => [heading.toLowerCase(), title.toLowerCase(), text.toLowerCase()]);

  const score = ([heading, title, text], words) => {
    let sum = 0;
    for (const word of words) {
      const here = (heading === word ? 60 : heading.includes(word) ? 20 : 0) + (title.includes(word) ? 5 : 0) + (text.includes(word) ? 1 : 0);
      if (here === 0) return 0;
      sum += here;
    }
    return sum;
  };

  const around = (text, word) => {
    const at = Math.max(0, text.toLowerCase().indexOf(word) - 50);
    return (at > 0 ? "… " : "") + text.slice(at, at + 160) + (text.length > at + 160 ? " …" : "");
  };

  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length === 0 ? [] : lower.map((one, at) => [score(one, words), at]).filter(([points]) => points > 0)
      .sort((one, other) => other[0] - one[0] || one[1] - other[1]).slice(0, 20);
    list.replaceChildren(...found.map(([, at]) => {
      const [where, title, heading, text] = pieces[at];
      const link = document.createElement("a");
      link.href = where;
      const small = document.createElement("small");
      small.textContent = `${title}: ${around(text, words[0])}`;
      link.append(heading, small);
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
    if (words.length > 0 && found.length === 0) list.replaceChildren(Object.assign(document.createElement("li"), {textContent: "Nothing was found."}));
    list.hidden = words.length === 0;
  };

  box.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape") {
      box.value = "";
      search();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      const links = [...list.querySelectorAll("a")];
      const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      (links[next] ?? box).focus();
    }
  });
  list.addEventListener("click", () => { list.hidden = true; });
}
