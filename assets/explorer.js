// The explorer of organisations: two Vega-Lite charts of released results. Data and library are local scripts.
(function () {
  "use strict";
  const nations = window.naomeExplorer;
  const byId = (name) => document.getElementById(name);
  const box = byId("explorer");
  if (!nations || !box || !window.vegaEmbed) return;
  box.querySelector(".explorer-missing").remove();

  const units = nations.flatMap((nation) => nation.units.map((unit) => ({ ...unit, nation })));
  const find = (code) => units.find((unit) => unit.code === code);
  const label = (unit) => (unit.name === unit.code ? unit.code : `${unit.name} (${unit.code})`);
  const dark = () => document.body.classList.contains("quarto-dark") || document.documentElement.classList.contains("quarto-dark");
  const LIGHT = { own: "#1d5b8f", peer: "#b8571b", alliance: "#3f7f4f", nation: "#6b6b6b" };
  const DARK = { own: "#7fb8e6", peer: "#f0a06a", alliance: "#8fcf9f", nation: "#c4c4c4" };
  const colours = () => (dark() ? DARK : LIGHT);
  const narrow = () => box.clientWidth < 600;
  const named = (unit) => (narrow() ? unit.code : label(unit));
  // the title of a measure, on a phone in lines of so many characters
  const LINE = 24;
  const wrap = (title) => {
    if (!narrow()) return title;
    const lines = [];
    title.split(" ").forEach((word) => {
      const last = lines[lines.length - 1];
      if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    });
    return lines.join("\n");
  };

  function fill(select, options, none) {
    select.replaceChildren();
    if (none) select.append(new Option(none, ""));
    for (const [group, entries] of options) {
      const part = document.createElement("optgroup");
      part.label = group;
      entries.forEach(([value, text]) => part.append(new Option(text, value)));
      select.append(part);
    }
  }

  function listUnits(keep) {
    const groups = new Map();
    units.filter(keep).forEach((unit) => {
      const name = `${unit.nation.nation}: ${unit.kind}s`;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push([unit.code, label(unit)]);
    });
    return groups;
  }

  function describe(value) {
    if (value === undefined) return null;
    return value.length === 1 ? { missing: value[0] } : { estimate: value[0], lower: value[1], upper: value[2], n: value[3] };
  }

  function collect(unit, peer) {
    const rows = [];
    unit.nation.measures.forEach((measure) => {
      const shared = { measure: wrap(measure.title), section: measure.section };
      const own = describe(unit.values[measure.key]);
      if (!own) return;
      rows.push({ ...shared, series: named(unit), kind: "own", at: measure.nation !== null && measure.nation < 0.38 ? 0.48 : 0.01, ...own });
      const other = peer && describe(peer.values[measure.key]);
      if (other) rows.push({ ...shared, series: named(peer), kind: "peer", ...other });
      const area = unit.alliance && describe((find(unit.alliance) || { values: {} }).values[measure.key]);
      if (area && area.estimate !== undefined) rows.push({ ...shared, series: named(find(unit.alliance)), kind: "alliance", estimate: area.estimate, n: area.n });
      if (measure.nation !== null) rows.push({ ...shared, series: unit.nation.nation, kind: "nation", estimate: measure.nation });
    });
    return rows;
  }

  function theme(spec) {
    const ink = dark() ? "#e0e0e0" : "#333333";
    const axis = { labelColor: ink, titleColor: ink, gridOpacity: 0.25, labelLimit: narrow() ? 150 : 360, labelFontSize: 12, titleFontSize: 12 };
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      background: "transparent",
      config: { axis, mark: { aria: false }, rule: { aria: false }, legend: { labelColor: ink, titleColor: ink, labelLimit: narrow() ? box.clientWidth - 40 : 340, labelFontSize: 12 }, view: { stroke: null }, header: { labelColor: ink } },
      ...spec,
    };
  }

  const percent = { format: ".0%", title: "Percent" };

  function drawResults(unit, peer) {
    const rows = collect(unit, peer);
    const alliance = unit.alliance && find(unit.alliance);
    const names = [named(unit), ...(peer ? [named(peer)] : []), ...(alliance ? [named(alliance)] : []), unit.nation.nation];
    const range = [colours().own, ...(peer ? [colours().peer] : []), ...(alliance ? [colours().alliance] : []), colours().nation];
    const order = unit.nation.measures.map((measure) => wrap(measure.title));
    const most = Math.max(...order.map((title) => title.split("\n").length));
    const y = { field: "measure", type: "nominal", sort: order, title: null, axis: { labelExpr: "split(datum.label, '\\n')" } };
    const color = { field: "series", type: "nominal", scale: { domain: names, range }, legend: { orient: "top", title: null, columns: 1 } };
    const tooltip = [
      { field: "measure", title: "Result" }, { field: "series", title: "Of" }, { field: "estimate", format: ".1%", title: "Percent" },
      { field: "lower", format: ".1%", title: "From" }, { field: "upper", format: ".1%", title: "To" }, { field: "n", title: "People" },
    ];
    const shown = { filter: "isValid(datum.estimate)" };
    const offset = peer ? { yOffset: { field: "kind", type: "nominal", scale: { domain: ["own", "peer"] } } } : {};
    return theme({
      description: `Results of ${label(unit)} beside ${unit.nation.nation}, with 95% intervals`,
      data: { values: rows }, width: "container", height: { step: narrow() ? 10 + 14 * most : 24 }, autosize: { type: "fit-x", contains: "padding" },
      encoding: { y },
      layer: [
        { transform: [shown, { filter: "datum.kind === 'own' || datum.kind === 'peer'" }], mark: { type: "rule", strokeWidth: 2 }, encoding: { x: { field: "lower", type: "quantitative", axis: percent, scale: { domain: [0, 1] } }, x2: { field: "upper" }, ...offset, color, tooltip } },
        { transform: [shown, { filter: "datum.kind === 'own' || datum.kind === 'peer'" }], mark: { type: "point", filled: true, size: 60, opacity: 1 }, encoding: { x: { field: "estimate", type: "quantitative" }, shape: { field: "kind", scale: { domain: ["own", "peer"], range: ["circle", "square"] }, legend: null }, ...offset, color, tooltip } },
        { transform: [shown, { filter: "datum.kind === 'nation' || datum.kind === 'alliance'" }], mark: { type: "tick", thickness: 3 }, encoding: { x: { field: "estimate", type: "quantitative" }, color, tooltip } },
        { transform: [{ filter: "datum.kind === 'own' && isValid(datum.missing)" }], mark: { type: "text", align: "left", fontStyle: "italic", color: dark() ? "#e0e0e0" : "#555555" }, encoding: { x: { field: "at", type: "quantitative" }, text: { field: "missing" } } },
      ],
    });
  }

  function drawFunnel(unit, peer, key) {
    const nation = unit.nation, measure = nation.measures.find((each) => each.key === key);
    const level = unit.level === "provider" ? "provider" : unit.level;
    const points = nation.units.filter((each) => each.level === level && (each.values[key] || []).length === 4).map((each) => ({
      name: label(each), n: each.values[key][3], estimate: each.values[key][0],
      kind: each.code === unit.code ? "own" : peer && each.code === peer.code ? "peer" : "other",
    }));
    const lines = (level === "provider" ? nation.limits[key] || [] : []).flatMap(([n, a, b, c, d]) => [
      { n, limit: a, line: "al" }, { n, limit: b, line: "au" }, { n, limit: c, line: "bl" }, { n, limit: d, line: "bu" },
    ]);
    const x = { field: "n", type: "quantitative", title: "People", axis: { tickCount: narrow() ? 4 : 8 } };
    const colour = { field: "kind", scale: { domain: ["own", "peer", "other"], range: [colours().own, colours().peer, dark() ? "#9a9a9a" : "#8a8a8a"] }, legend: null };
    return theme({
      description: `Funnel plot of ${measure.title}: organisations by number of people, with limits`,
      width: "container", height: 320,
      layer: [
        { data: { values: lines }, mark: { type: "line", color: dark() ? "#cccccc" : "#555555", strokeWidth: 1 }, encoding: { x, y: { field: "limit", type: "quantitative", axis: percent, title: measure.title }, detail: { field: "line" }, strokeDash: { condition: { test: "datum.line === 'al' || datum.line === 'au'", value: [4, 3] }, value: [] } } },
        { data: { values: measure.nation === null ? [] : [{ y: measure.nation }] }, mark: { type: "rule", color: colours().nation }, encoding: { y: { field: "y", type: "quantitative" } } },
        { data: { values: points }, mark: { type: "point", filled: true, opacity: 0.9 }, encoding: { x, y: { field: "estimate", type: "quantitative" }, color: colour, size: { condition: { test: "datum.kind === 'other'", value: 40 }, value: 150 }, shape: { field: "kind", scale: { domain: ["own", "peer", "other"], range: ["circle", "square", "circle"] }, legend: null }, tooltip: [{ field: "name", title: "Organisation" }, { field: "estimate", format: ".1%", title: "Percent" }, { field: "n", title: "People" }] } },
      ],
    });
  }

  const options = { actions: false, renderer: "svg" };

  function update() {
    const unit = find(byId("explorer-unit").value), peer = find(byId("explorer-peer").value);
    const select = byId("explorer-measure"), wanted = select.value;
    const sections = new Map();
    unit.nation.measures.filter((m) => unit.nation.limits[m.key]).forEach((m) => {
      if (!sections.has(m.section)) sections.set(m.section, []);
      sections.get(m.section).push([m.key, m.title]);
    });
    fill(select, sections);
    if ([...select.options].some((each) => each.value === wanted)) select.value = wanted;
    const link = document.createElement("a");
    link.href = `?unit=${encodeURIComponent(unit.code)}`;
    link.textContent = `Link to ${label(unit)}`;
    byId("explorer-link").replaceChildren(link);
    if (wantedUnit() !== unit.code) history.replaceState(null, "", `#${unit.code}`);
    vegaEmbed("#explorer-results", drawResults(unit, peer), options);
    vegaEmbed("#explorer-funnel", drawFunnel(unit, peer, select.value), options);
  }

  // the fragment is what was chosen on the page, the query what a link asks for
  const wantedUnit = () => decodeURIComponent(location.hash.slice(1)) || new URLSearchParams(location.search).get("unit");

  function choose() {
    const wanted = wantedUnit();
    if (find(wanted)) byId("explorer-unit").value = wanted;
  }

  fill(byId("explorer-unit"), listUnits(() => true));
  fill(byId("explorer-peer"), listUnits(() => true), "its nation and alliance");
  ["explorer-unit", "explorer-peer", "explorer-measure"].forEach((name) => byId(name).addEventListener("change", update));
  new MutationObserver(update).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  choose();
  update();
})();
