// The page's behaviour: draws charts and tables, and applies the filters. Python decides what they contain.
"use strict";

const page = JSON.parse(document.getElementById("report-data").textContent);
const DAY = 86_400_000; // milliseconds
const FILTERS = ["course", "term", "department", "root"].filter((name) => document.getElementById(name));
const element = (id) => document.getElementById(id);
const views = new Map();
const decoded = new Map();
const courses = new Map(page.courses.map((course) => [course.course, course]));
const scopeOf = new Map(Object.entries(page.scopes).filter(([name]) => name !== "all").map(([name, keys]) => [keys.join(), name]));

/** Return the rows of a name as objects. Days are UTC milliseconds; rows of a course include its names. */
function rowsOf(name) {
  if (!decoded.has(name)) {
    const columns = Object.entries(page.rows[name]).map(([key, column]) => [
      key,
      column.days?.map((day) => (day === null ? null : day * DAY)) ?? column.places?.map((place) => column.words[place]) ?? column.values,
    ]);
    const rows = (columns[0]?.[1] ?? []).map((_, at) => Object.fromEntries(columns.map(([key, values]) => [key, values[at]])));
    for (const row of rows) if ("course" in row) Object.assign(row, namesOf(row.course), { course: row.course });
    decoded.set(name, rows);
  }
  return decoded.get(name).map((row) => ({ ...row })); // Vega marks the rows that it reads
}

function namesOf(course) {
  return courses.get(course) ?? { label: course === "other" ? "Other courses" : course };
}

/** Return the selection: course keys (null for all), the scope with exactly these courses, if any, and the period. */
function selection() {
  const period = element("period").value;
  const filters = FILTERS.map((name) => [name, element(name).value]).filter(([, value]) => value !== "all");
  if (filters.length === 0) return { keys: null, scope: "all", period };
  const keys = [...courses.values()]
    .filter((row) => filters.every(([name, value]) => (name === "course" ? page.scopes[value].includes(row.course) : row[name] === value)))
    .map((row) => row.course)
    .sort();
  return { keys: new Set(keys), scope: keys.length ? scopeOf.get(keys.join()) ?? null : null, period };
}

/** Return the first and last day of the period in milliseconds, for spend or sessions; null without days. */
function windowOf({ scope, period }, what) {
  const of = period === "term" ? page.windows[scope ?? "all"] : page.windows.all;
  const days = of?.[period]?.[what];
  return days ? days.map((day) => (day === null ? -Infinity : day * DAY)) : null;
}

const monday = (day) => day - ((((day / DAY + 3) % 7) + 7) % 7) * DAY;

/** Return the rows of a chart, and its days: `first`, `last` and the `step` of a bar. */
function shown(chart, chosen) {
  let rows = rowsOf(chart.data);
  if (chart.where === "additive" && chosen.keys) {
    for (const row of rows) row.chosen = chosen.keys.has(row.course);
    if (!chart.keepsAll) rows = rows.filter((row) => row.chosen);
  } else if (chart.where === "exact") {
    rows = rows.filter((row) => row.scope === chosen.scope);
  }
  for (const row of rows) row.chosen ??= true;
  if (chart.most) rows = rows.sort((a, b) => a.place - b.place).slice(0, chart.most);
  if (!rows.length || !("day" in rows[0])) return { rows, first: 0, last: 1, step: 1 };
  return chart.what ? inPeriod(chart, rows, windowOf(chosen, chart.what)) : wholeTime(rows);
}

function wholeTime(rows) {
  const step = page.isWeekly ? 7 * DAY : DAY;
  return { rows, first: Math.min(...rows.map((row) => row.day)), last: Math.max(...rows.map((row) => row.until)), step };
}

function inPeriod(chart, rows, days) {
  if (!days) return { rows: [], first: 0, last: 1, step: 1 };
  let [since, until] = days;
  // A long history has weekly rows before its newest days, so a period that starts there is drawn per week.
  const weeks = chart.isWeekly || (page.isWeekly && since < page.dailyFrom * DAY);
  const step = weeks ? 7 * DAY : DAY;
  // Money accumulated before the first file is in no figure, so a period of days has none of it either.
  if (Number.isFinite(since)) rows = rows.filter((row) => row.dating !== "before the first file");
  else since = rows.reduce((least, row) => Math.min(least, row.day), until);
  if (weeks) since = monday(since);
  rows = rows.filter((row) => row.day >= since && row.day <= until);
  if (weeks) for (const row of rows) row.day = monday(row.day);
  return { rows, first: since, last: (weeks ? monday(until) : until) + step, step };
}

async function draw(name, chart, { rows, first, last, step }) {
  const plot = document.querySelector(`#${name} .plot`);
  plot.hidden = false;
  const columns = Math.max(1, Math.floor(plot.clientWidth / 190)); // a legend that does not fit would be cut off
  const config = { ...page.config, legend: { ...page.config.legend, columns, labelLimit: plot.clientWidth / columns - 40 } };
  const spec = { ...chart.spec, datasets: { [chart.data]: rows } };
  spec.params = chart.spec.params.map((param) => ({ ...param, value: { first, last, step }[param.name] ?? param.value }));
  const { view } = await vegaEmbed(plot, spec, {
    actions: false, ast: true, config, defaultStyle: false, mode: "vega-lite", renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  views.set(name, view);
}

/** Draw or redraw a chart, or show why it is empty. */
async function show(name, chart, chosen) {
  const figure = element(name);
  const now = shown(chart, chosen);
  const empty = figure.querySelector(".empty");
  empty.textContent = missing(chart, chosen, empty.dataset.missing);
  for (const part of [".plot", "details"]) figure.querySelector(part).hidden = now.rows.length === 0;
  empty.hidden = now.rows.length > 0;
  figure.querySelector(".numbers").replaceChildren();
  if (figure.querySelector("details").open) tabulate(name, chart);
  if (now.rows.length === 0) return;
  if (!views.has(name)) return await draw(name, chart, now);
  const view = views.get(name).data(chart.data, now.rows);
  await view.signal("first", now.first).signal("last", now.last).signal("step", now.step).runAsync();
}

/** Return why a chart or table is empty. */
function missing(chart, chosen, everywhere) {
  if (page.rows[chart.data ?? chart.name] && rowsOf(chart.data ?? chart.name).length === 0) return everywhere;
  if (chosen.keys?.size === 0) return "No course matches the selected term, department and root course.";
  if (chart.where === "exact" && chosen.scope === null)
    return "People, percentiles and peaks can't be added up, and the page has none for this combination: choose fewer filters.";
  return chosen.keys === null ? "Nothing in this period." : "Nothing for this selection in this period.";
}

/** Return the numbers of a chart, summed over the columns that they omit. */
function numbers(chart) {
  const sums = new Map();
  const days = new Set(chart.keys.filter((key) => "days" in (page.rows[chart.data][key] ?? {})));
  for (const row of shown(chart, selection()).rows.filter((row) => row.chosen)) {
    const keys = chart.keys.map((key) => (key === "course" ? row.label : row[key]));
    const id = JSON.stringify(keys);
    const values = sums.get(id)?.values ?? chart.values.map(() => 0);
    sums.set(id, { keys, values: values.map((value, at) => value + row[chart.values[at]]) });
  }
  const columns = [...chart.keys, ...chart.values].map((name) => ({
    name,
    title: (name === "cost" ? "US dollars" : name).replaceAll("_", " "),
    form: name === "cost" ? "usd" : chart.values.includes(name) ? "count" : days.has(name) ? "day" : "text",
  }));
  const lines = [...sums.values()].map(({ keys, values }) => Object.fromEntries([...keys, ...values].map((value, at) => [columns[at].name, value])));
  return { columns, lines };
}

function tabulate(name, chart) {
  const { columns, lines } = numbers(chart);
  grid(element(name).querySelector(".numbers"), columns, lines, 500);
}

/** Return the rows of a table for the selected courses and period. */
function linesOf(table, chosen) {
  const rows = rowsOf(table.name);
  const inside = (row) => !chosen.keys || row.course === undefined || (page.scopes[row.course] ?? [row.course]).every((key) => chosen.keys.has(key));
  const lines = rows.filter(inside);
  if (table.by === "period") return lines.filter((row) => row.period === chosen.period);
  if (table.by === "column") return lines.map((row) => ({ ...row, idle: row[`idle_${chosen.period}`] })).filter((row) => row.idle > 0);
  const days = table.by === "day" ? windowOf(chosen, "spend") ?? [0, 0] : [-Infinity, Infinity];
  return lines.filter((row) => row.day === undefined || (row.day >= days[0] && row.day <= days[1]));
}

/** Return whether the selection has some, but not all, of the merged small courses, which share one row. */
function hasPartOfOthers({ keys }) {
  const inside = (page.scopes.other ?? []).filter((key) => keys?.has(key));
  return inside.length > 0 && inside.length < page.scopes.other.length;
}

function showTable(table, chosen) {
  const host = element(`table-${table.name}`);
  const lines = linesOf(table, chosen);
  const empty = host.querySelector(".empty");
  empty.hidden = lines.length > 0;
  empty.textContent = missing(table, chosen, empty.dataset.missing);
  host.querySelector(".partly").hidden = !(table.by === "period" && hasPartOfOthers(chosen));
  const order = host.dataset.order ?? `-${table.order}`;
  grid(host.querySelector(".numbers"), table.columns, lines, Infinity, order, (next) => {
    host.dataset.order = next;
    showTable(table, selection());
    host.querySelector(`[data-column="${next.replace("-", "")}"]`).focus();
  });
}

const fixed = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const isoDay = (value) => new Date(value).toISOString().slice(0, 10);
const signed = (value) => `${value > 0 ? "+" : value < 0 ? "\u2212" : "\u00b1"}${fixed(Math.abs(value * 100), 1)} %`;
const FORMS = {
  text: (value) => value,
  day: isoDay,
  usd: (value) => (value < 0 ? "\u2212" : "") + fixed(Math.abs(value), 2),
  count: (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 }),
  decimal: (value) => fixed(value, 1),
  share: (value) => `${fixed(value * 100, 1)} %`,
  change: signed,
};

/** Return an HTML table. Headings call `sorted`, if given. Missing values are shown as a dash and sort last. */
function grid(host, columns, lines, most, order, sorted) {
  const column = columns.find(({ name }) => name === order?.replace("-", ""));
  if (column) lines = inOrder(lines, column, order.startsWith("-"));
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const { name, title, form } of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = form === "text" || form === "day" ? "" : "number";
    if (sorted) {
      const button = document.createElement("button");
      const isDown = order === `-${name}`;
      button.type = "button";
      button.dataset.column = name;
      button.textContent = title;
      button.addEventListener("click", () => sorted(isDown || (form === "text" && order !== name) ? name : `-${name}`));
      cell.ariaSort = order === name ? "ascending" : isDown ? "descending" : "none";
      cell.append(button);
    } else cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const line of lines.slice(-most)) {
    const row = body.insertRow();
    for (const { name, form } of columns) {
      const cell = row.insertCell();
      cell.textContent = line[name] === null || line[name] === undefined ? "\u2013" : FORMS[form](line[name]);
      cell.className = form === "text" || form === "day" ? form : "number";
    }
  }
  host.replaceChildren(...(lines.length ? [table] : []));
  if (lines.length > most) host.append(`Shows the newest ${most} of ${lines.length} rows; the CSV has all of them.`);
}

function inOrder(lines, { name, form }, isDown) {
  const compare = form === "text" ? (a, b) => a.localeCompare(b, "en") : (a, b) => a - b;
  const [known, unknown] = [[], []];
  for (const line of lines) (line[name] === null || line[name] === undefined ? unknown : known).push(line);
  return [...known.sort((a, b) => (isDown ? compare(b[name], a[name]) : compare(a[name], b[name]))), ...unknown];
}

/** Return a CSV cell. Prefixes text that a spreadsheet would read as a formula with an apostrophe. */
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = String(value).replace(/[\u2066-\u2069]/g, "");
  return `"${(/^[\s\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

function csvOf(columns, lines) {
  const cells = lines.map((line) => columns.map(({ name, form }) => (form === "day" && line[name] !== null ? isoDay(line[name]) : line[name])));
  return [columns.map(({ title }) => title), ...cells].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/** Return the CSV that a button saves. */
function csv(id) {
  if (page.charts[id]) {
    const { columns, lines } = numbers(page.charts[id]);
    return csvOf(columns, lines);
  }
  const table = page.tables[id.replace("table-", "")];
  if (table) {
    const ids = { name: "course", title: "Course id", form: "text" };
    const lines = linesOf(table, selection());
    return csvOf(lines.length && "course" in lines[0] ? [ids, ...table.columns] : table.columns, lines);
  }
  const rows = [...element(id).rows].map((row) => [...row.cells].map((cell) => csvCell(cell.textContent)).join(","));
  return rows.join("\r\n") + "\r\n";
}

function save(id) {
  const { scope, period } = selection();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", csv(id)], { type: "text/csv;charset=utf-8" }));
  link.download = `${id.replace("table-", "")}-${scope ?? "choice"}-${period}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function setFigures(cells, figures) {
  document.querySelectorAll(cells).forEach((cell, at) => {
    const [value, note] = figures?.[at] ?? ["\u2013", "not counted for this combination: choose fewer filters"];
    cell.querySelector("strong").textContent = value;
    cell.querySelector("span").textContent = note;
  });
}

function showFigures(chosen) {
  const figures = page.figures[chosen.scope]?.[chosen.period];
  setFigures("#key dd", figures);
  setFigures("#month dd", page.month[chosen.scope]);
  const days = windowOf(chosen, "spend") ?? windowOf(chosen, "sessions");
  const words = (day) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const until = days && `to ${words(days[1])}`;
  element("window").textContent = !days ? "no day of this period is loaded" : Number.isFinite(days[0]) ? `${words(days[0])} ${until} (UTC)` : `up ${until} (UTC)`;
}

/** Return the selection as one word per filter. The page shows it once everything is drawn. */
const chosenNow = () => [...FILTERS, "period"].map((name) => element(name).value).join(" ");

let turn = 0;

async function showAll() {
  const chosen = selection();
  const words = chosenNow();
  showFigures(chosen);
  for (const table of Object.values(page.tables)) if (element(`table-${table.name}`)) showTable(table, chosen);
  const mine = (turn += 1);
  for (const [name, chart] of Object.entries(page.charts)) {
    await show(name, chart, chosen);
    await new Promise((done) => setTimeout(done)); // let the browser paint, and handle a new selection
    if (mine !== turn) return;
  }
  window.dispatchEvent(new Event("resize")); // a chart that was hidden has no width yet
  document.documentElement.dataset.drawn = words;
}

for (const [name, chart] of Object.entries(page.charts)) {
  element(name).querySelector("details").addEventListener("toggle", (event) => {
    if (event.target.open) tabulate(name, chart);
  });
}
for (const button of document.querySelectorAll("[data-saves]")) button.addEventListener("click", () => save(button.dataset.saves));

/** The selection is kept only in the address (#course=..&theme=..), so it survives a reload and can be linked. */
const address = new URLSearchParams(location.hash.slice(1));
const DEFAULTS = { ...Object.fromEntries(FILTERS.map((name) => [name, "all"])), period: element("period").value, theme: "" };
for (const name of address.keys()) if (!(name in DEFAULTS)) address.delete(name);
for (const [name, value] of Object.entries(DEFAULTS)) {
  const choice = element(name);
  if ([...(choice.options ?? [])].some((option) => option.value === address.get(name))) choice.value = address.get(name);
  choice.addEventListener("change", () => {
    if (choice.value === value) address.delete(name);
    else address.set(name, choice.value);
    history.replaceState(null, "", `#${address}`);
    if (name === "theme") applyTheme();
    else showAll();
  });
}
function applyTheme() {
  const theme = element("theme").value;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

/** Links of the contents scroll to a section without replacing the selection in the address. */
for (const link of document.querySelectorAll(".contents a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const target = document.querySelector(link.getAttribute("href"));
    target.tabIndex = -1;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  });
}

/** Warn if the page is old. */
const hours = (Date.now() - Date.parse(element("published").dateTime)) / 3_600_000;
if (hours >= 36) {
  element("outdated").textContent = `This page is ${Math.floor(hours / 24)} days old. Run \`analytics-pipeline report\` for a new one.`;
  element("outdated").hidden = false;
}

applyTheme();
showAll();
