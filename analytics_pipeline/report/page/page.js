// Draws the charts, and follows the choice of course and theme. Python defines the charts.
"use strict";

const page = JSON.parse(document.getElementById("report-data").textContent);
const chosen = document.getElementById("course");
const views = new Map();

/** The named rows as new objects each time, because Vega marks the objects that it reads. */
function rowsOf(name) {
  const { columns, rows } = page.rows[name];
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
}

/** The rows that a chart shows for a course; the same rule as the chart's own filter. */
function shown(chart, course) {
  const rows = rowsOf(chart.data);
  const additive = chart.where.includes("'all'");
  return chart.where === "true" || (additive && course === "all") ? rows : rows.filter((row) => row.course === course);
}

async function draw(name, chart) {
  const rows = { courses: rowsOf("courses"), [chart.data]: rowsOf(chart.data) };
  const plot = document.querySelector(`#${name} .plot`);
  plot.hidden = false;
  const columns = Math.max(1, Math.floor(plot.clientWidth / 150)); // a legend that does not fit would be cut off
  const labelLimit = plot.clientWidth / columns - 50;
  const config = { ...page.config, legend: { ...page.config.legend, columns, labelLimit } };
  const { view } = await vegaEmbed(plot, { ...chart.spec, datasets: rows }, {
    actions: false, ast: true, config, defaultStyle: false, mode: "vega-lite", renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  views.set(name, view);
}

/** Draw or redraw a chart for a course, or say that there is nothing to draw. */
async function show(name, chart, course) {
  const figure = document.getElementById(name);
  const rows = shown(chart, course);
  const empty = figure.querySelector(".empty");
  empty.textContent = course === "all" || chart.where === "true" ? empty.dataset.missing : "Nothing of this course.";
  empty.hidden = rows.length > 0;
  figure.querySelector("details").hidden = rows.length === 0;
  figure.querySelector(".plot").hidden = rows.length === 0;
  figure.querySelector(".numbers").replaceChildren();
  if (figure.querySelector("details").open) tabulate(figure, chart, rows);
  if (rows.length === 0) return;
  if (!views.has(name)) await draw(name, chart);
  await views.get(name).signal("course", course).runAsync();
}

/** A chart's numbers as a table, summed over the columns that it omits. */
function tabulate(figure, chart, rows) {
  const labels = new Map(rowsOf("courses").map((row) => [row.course, row.label]));
  const sums = new Map();
  for (const row of rows) {
    const keys = chart.keys.map((key) => (key === "course" ? labels.get(row.course) ?? row.course : row[key]));
    const id = JSON.stringify(keys);
    const values = sums.get(id)?.values ?? chart.values.map(() => 0);
    sums.set(id, { keys, values: values.map((value, at) => value + row[chart.values[at]]) });
  }
  const most = 500;
  const lines = [...sums.values()].slice(-most);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of [...chart.keys, ...chart.values]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = (name === "cost" ? "US dollars" : name).replaceAll("_", " ");
    cell.className = chart.values.includes(name) ? "number" : "";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { keys, values } of lines) {
    const line = body.insertRow();
    for (const key of keys) line.insertCell().textContent = key;
    values.forEach((value, at) => {
      const cell = line.insertCell();
      const cents = chart.values[at] === "cost" ? 2 : 0;
      cell.textContent = value.toLocaleString("en-US", { minimumFractionDigits: cents, maximumFractionDigits: 2 });
      cell.className = "number";
    });
  }
  const numbers = figure.querySelector(".numbers");
  numbers.replaceChildren(table);
  if (sums.size > most) numbers.append(`The newest ${most} of ${sums.size} rows.`);
}

async function showAll() {
  const course = chosen.value;
  document.querySelectorAll(".figures dd").forEach((cell, at) => {
    const [value, note] = page.figures[course][at];
    cell.querySelector("strong").textContent = value;
    cell.querySelector("span").textContent = note;
  });
  for (const [name, chart] of Object.entries(page.charts)) await show(name, chart, course);
  window.dispatchEvent(new Event("resize")); // a chart that was hidden has no width yet
  document.documentElement.dataset.drawn = course;
}

for (const [name, chart] of Object.entries(page.charts)) {
  const figure = document.getElementById(name);
  figure.querySelector("details").addEventListener("toggle", (event) => {
    if (event.target.open) tabulate(figure, chart, shown(chart, chosen.value));
  });
}

/** The reader's choice is kept only in the address (#course=..&theme=..): it survives a reload and can be linked. */
const address = new URLSearchParams(location.hash.slice(1));
const theme = document.getElementById("theme");
function applyTheme() {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
}
function remember(name, value) {
  if (value) address.set(name, value);
  else address.delete(name);
  history.replaceState(null, "", `#${address}`);
}

if (address.has("course") && page.figures[address.get("course")]) chosen.value = address.get("course");
if (["light", "dark"].includes(address.get("theme"))) theme.value = address.get("theme");
chosen.addEventListener("change", () => { remember("course", chosen.value === "all" ? "" : chosen.value); showAll(); });
theme.addEventListener("change", () => { remember("theme", theme.value); applyTheme(); });
applyTheme();
showAll();
