// The search of a preview. A result has every word of the query, or a beginning of it; words in headings count more, and of
// results that are equal the one earlier in the menus is first. smalldocs asks for a search engine by the name of Fuse.
(function () {
  "use strict";
  const FIELDS = [["title", 8], ["section", 6], ["names", 5], ["text", 2], ["also", 2]];
  const OF_A_PAGE = 3;

  function split(text) {
    const whole = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}]+(?:[-/.][\p{L}\p{N}]+)*/gu) || [];
    return whole.flatMap((word) => (/[-/.]/.test(word) ? [word, ...word.split(/[-/.]/)] : [word]));
  }

  function weigh(entry, term) {
    let best = 0;
    for (const [field, weight] of FIELDS) {
      const words = entry.words[field];
      if (words.includes(" " + term + " ")) best = Math.max(best, weight);
      else if (term.length > 2 && words.includes(" " + term)) best = Math.max(best, weight / 2);
    }
    return best;
  }

  window.Fuse = class {
    constructor(index) {
      this.index = index;
    }

    search(query, options) {
      this.entries = this.entries || this.index.map((item) => {
        const words = {};
        for (const [field] of FIELDS) words[field] = " " + split(item[field] || "").join(" ") + " ";
        return { item, words };
      });
      const terms = query.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").split(/\s+/).map((term) => split(term)[0]).filter(Boolean);
      const phrase = " " + split(query).join(" ") + " ";
      const found = [];
      if (!terms.length) return found;
      this.entries.forEach((entry, place) => {
        const weights = terms.map((term) => weigh(entry, term));
        if (weights.includes(0)) return;
        const whole = FIELDS.filter(([field]) => entry.words[field].includes(phrase)).map((field) => field[1]);
        const score = weights.reduce((sum, weight) => sum + weight, 0) / terms.length + Math.max(0, ...whole);
        found.push({ item: entry.item, place, score });
      });
      found.sort((a, b) => b.score - a.score || a.place - b.place);
      const pages = new Map();
      const kept = found.filter(({ item }) => {
        const page = item.href.split("#")[0];
        pages.set(page, (pages.get(page) || 0) + 1);
        return pages.get(page) <= OF_A_PAGE;
      });
      return kept.slice(0, (options && options.limit) || 20);
    }
  };

  // The index is a script, since a browser refuses to fetch() a neighbour of a file:// page. It is loaded when the reader
  // searches.
  const fetched = window.fetch;
  let index = null;
  window.fetch = function (url) {
    if (!/search\.json$/.test(String(url))) return fetched.apply(this, arguments);
    index = index || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = String(url).replace(/search\.json$/, "site_libs/search-index.js");
      script.onload = () => resolve(window.sitepreviewSearchIndex);
      script.onerror = reject;
      document.head.appendChild(script);
    });
    return index.then((entries) => ({ ok: true, json: () => Promise.resolve(entries) }));
  };
})();
