// The page of the dashboard. All that comes from tasks goes into `textContent`: none of it is HTML.

const byId = (id) => document.getElementById(id);
const filter = byId("filter");

/** What the page shows. It stands in the address too, so that reloading it changes nothing. */
const view = { window: "30", status: "", type: "", text: "", sort: "submitted", order: "descending",
  page: "1", size: "25", task: "" };

/** Make an element. What is in `properties` are properties of it, such as `textContent`. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Say what came of something, where it was asked for. */
function say(text, bad = false) {
  const line = byId(byId("task").open ? "task-said" : "said");
  line.textContent = text;
  line.classList.toggle("bad", bad);
}

/** Ask the server. Returns the JSON object; throws an Error with what the server says. */
async function ask(path, parameters, method = "GET") {
  const answer = await fetch(`${path}?${new URLSearchParams(parameters)}`, { method });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// -- the picture

let stream = null;

function watch() {
  stream?.close();
  stream = null;
  if (document.hidden) return; // nobody looks
  stream = new EventSource(`/events?window=${view.window}`);
  stream.onmessage = (event) => show(JSON.parse(event.data));
  stream.onerror = () => {
    show({ status: "No connection: the dashboard has ended, or too many pages are open. Trying again." });
    // The browser tries again by itself, but not after an answer that is none.
    if (stream?.readyState === EventSource.CLOSED) setTimeout(watch, 3000);
  };
}

function show(frame) {
  byId("status").textContent = frame.status;
  byId("status").classList.toggle("bad", frame.picture === undefined);
  if (frame.picture === undefined) return;
  // The one text that is HTML. The server made it, and escaped what is in it of tasks.
  byId("picture").innerHTML = frame.picture;
  table.happened(frame.happened);
  dialog.happened(frame.happened);
}

/** Loads something again when the queue has changed, but takes a tenth of the time for it at most. */
class Reloaded {
  /** `load` is given a function that tells whether a later call has overtaken it. */
  constructor(load, holdsStill = () => false) {
    this.load = load;
    this.holdsStill = holdsStill;
    this.seen = null;
    this.next = 0;
    this.latest = 0;
  }

  happened(count) {
    if (count === this.seen || performance.now() < this.next || this.holdsStill()) return;
    this.seen = count;
    this.now();
  }

  async now() {
    const turn = ++this.latest;
    const overtaken = () => turn !== this.latest;
    const began = performance.now();
    this.next = Infinity;
    try {
      await this.load(overtaken);
    } catch (error) {
      say(error.message, true);
    }
    const took = performance.now() - began;
    if (!overtaken()) this.next = performance.now() + Math.max(1000, 9 * took);
  }
}

// -- the table

const table = new Reloaded(async (overtaken) => {
  const { status, type, text, sort, order, page, size } = view;
  const found = await ask("/tasks.json", { status, type, text, sort, order, page, size });
  if (!overtaken()) fill(found);
}, () => document.querySelector("#rows tr:is(:hover, :focus-within)")); // a button must not move as it is pressed

function fill(found) {
  view.page = String(found.page);
  const last = found.first + found.tasks.length - 1;
  const of = found.found === found.all ? "" : ` (${found.all.toLocaleString()} in all)`;
  byId("place").textContent = found.found
    ? `${found.first.toLocaleString()} to ${last.toLocaleString()} of ${found.found.toLocaleString()}${of}`
    : `none${of}`;
  byId("none").hidden = found.found > 0;
  for (const button of document.querySelectorAll("[data-page]")) {
    const back = ["first", "before"].includes(button.dataset.page);
    button.disabled = found.page === (back ? 1 : found.pages);
    button.value = { first: 1, before: found.page - 1, after: found.page + 1, last: found.pages }[button.dataset.page];
  }
  fillTypes(found.types);
  const rows = byId("rows");
  const focused = document.activeElement?.closest("#rows button");
  const { id, name } = focused ? { id: focused.value, name: focused.name } : {};
  // Only rows that differ are replaced: a screen reader, or a selection, may be in one.
  found.tasks.forEach((task, place) => {
    const text = JSON.stringify(task);
    const before = rows.rows[place];
    if (before?.dataset.shows === text) return;
    const row = makeRow(task);
    row.dataset.shows = text;
    if (before) before.replaceWith(row);
    else rows.append(row);
  });
  while (rows.rows.length > found.tasks.length) rows.lastElementChild.remove();
  if (focused && !focused.isConnected) focusTask(id, name);
}

/** Move the focus to a button of a task in the table; it may have gone, and so may the task. */
function focusTask(id, name) {
  const buttons = [...byId("rows").querySelectorAll("button")].filter((button) => button.value === id);
  (buttons.find((button) => button.name === name) ?? buttons[0] ?? byId("tasks")).focus();
}

function fillTypes(types) {
  const select = filter.elements.type;
  const wanted = ["", ...types];
  if (view.type && !types.includes(view.type)) wanted.push(view.type);
  if (JSON.stringify(wanted) === JSON.stringify([...select.options].map((option) => option.value))) return;
  select.replaceChildren(...wanted.map((type) => new Option(type || "any", type)));
  select.value = view.type;
}

function makeRow(task) {
  const open = make("button", { className: "id", name: "open", value: task.id, textContent: task.id });
  open.setAttribute("aria-haspopup", "dialog");
  return make("tr", {},
    make("td", {}, open),
    make("td", { className: "type", textContent: task.type, title: task.type }),
    make("td", {}, badge(task.status)),
    make("td", { className: "wide", textContent: clock(task.submitted) }),
    make("td", { className: "number", textContent: task.runs || "" }),
    make("td", { className: "number wide", textContent: task.waited }),
    make("td", { className: "number", textContent: task.ran }),
    make("td", { className: "wide", textContent: task.worker }),
    make("td", { className: "why", textContent: task.why, title: task.why }),
    make("td", {}, ...buttons(task)));
}

function badge(status) {
  return make("span", { className: `status ${status}`, textContent: status });
}

function buttons(task) {
  return task.can.map((what) => {
    const name = what[0].toUpperCase() + what.slice(1);
    const button = make("button", { name: what, value: task.id, textContent: name });
    button.setAttribute("aria-label", `${name} task ${task.id}`);
    return button;
  });
}

/** A time as it is here: with the day, if that is not today. */
function clock(time, digits = 0) {
  if (!time) return "";
  const date = new Date(time);
  const day = date.toDateString() === new Date().toDateString() ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23", ...(digits && { fractionalSecondDigits: digits }) });
}

// -- one task

const dialog = new Reloaded(async (overtaken) => {
  if (!view.task) return;
  const task = await ask("/task.json", { id: view.task });
  const text = JSON.stringify(task);
  if (overtaken() || byId("task").dataset.shows === text) return;
  byId("task").dataset.shows = text;
  tell(task);
});

function tell(task) {
  byId("task-title").textContent = `${task.type} ${task.id}`;
  const focused = document.activeElement?.closest("#task-buttons button");
  byId("task-buttons").replaceChildren(...buttons(task));
  if (focused) (byId("task-buttons").querySelector("button") ?? byId("task").querySelector("form button")).focus();
  const facts = [["Status", badge(task.status)], ["Submitted", clock(task.submitted, 3)],
    ["Started", clock(task.started, 3)], ["Finished", clock(task.finished, 3)], ["Waited", task.waited],
    ["Ran", task.ran], ["Runs", task.runs], ["Priority", task.priority], ["Worker", task.worker],
    ["Reason", task.reason]];
  const body = [make("dl", {}, ...facts.filter(([, value]) => value !== "" && value !== null).map(
    ([name, value]) => make("div", {}, make("dt", { textContent: name }), make("dd", {}, value))))];
  for (const [name, text] of [["Result", task.result], ["Last error", task.error], ["Traceback", task.traceback]]) {
    if (text) body.push(make("h3", { textContent: name }), make("pre", { textContent: text, tabIndex: 0 }));
  }
  const rows = task.events.map((event) => make("tr", {},
    make("td", { textContent: clock(event.at, 3) }),
    make("td", { className: "number", textContent: event.after && `+${event.after}` }),
    make("td", { textContent: event.kind }),
    make("td", { className: "note", textContent: event.note })));
  const heads = ["Time", "After", "What", "Details"].map((name) => make("th", { scope: "col", textContent: name }));
  body.push(make("h3", { textContent: "History" }),
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
  byId("task-body").replaceChildren(...body);
}

function openTask(id) {
  view.task = id;
  remember();
  byId("task-title").textContent = `Task ${id}`;
  byId("task-said").textContent = "";
  byId("task-buttons").replaceChildren();
  byId("task-body").textContent = "Loading";
  delete byId("task").dataset.shows;
  if (!byId("task").open) byId("task").showModal();
  dialog.now();
}

byId("task").addEventListener("close", () => {
  focusTask(view.task, "open");
  view.task = "";
  remember();
});

// -- what is pressed

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.name === "open") openTask(button.value);
  if (["cancel", "retry"].includes(button.name)) {
    button.disabled = true;
    try {
      say((await ask(`/${button.name}`, { id: button.value }, "POST")).said);
    } catch (error) {
      say(error.message, true);
    }
    table.now();
    dialog.now();
  }
  if (button.dataset.page) change({ page: button.value });
  if (button.dataset.sort) {
    const turned = view.sort === button.dataset.sort && view.order === "descending";
    change({ sort: button.dataset.sort, order: turned ? "ascending" : "descending" });
  }
});

filter.addEventListener("input", () => change({ ...Object.fromEntries(new FormData(filter)), page: "1" }));
filter.addEventListener("submit", (event) => event.preventDefault());
byId("size").addEventListener("change", (event) => change({ size: event.target.value, page: "1" }));
byId("window").addEventListener("change", (event) => {
  view.window = event.target.value;
  remember();
  watch();
});
document.addEventListener("visibilitychange", watch);

function change(what) {
  Object.assign(view, what);
  remember();
  mark();
  table.now();
}

/** Put the view into the address. */
function remember() {
  const plain = new URLSearchParams(Object.entries(view).filter(([name, value]) => value !== usual[name]));
  history.replaceState(null, "", plain.size ? `#${plain}` : "/");
}

/** Show in the controls what the view is. */
function mark() {
  byId("window").value = view.window;
  byId("size").value = view.size;
  for (const name of ["status", "type", "text"]) {
    if (filter.elements[name].value !== view[name]) filter.elements[name].value = view[name];
  }
  for (const button of document.querySelectorAll("[data-sort]")) {
    const head = button.closest("th");
    if (button.dataset.sort === view.sort) head.setAttribute("aria-sort", view.order);
    else head.removeAttribute("aria-sort");
  }
}

const usual = { ...view };
for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
  if (name in view) view[name] = value;
}
fillTypes([]);
mark();
table.now();
watch();
if (view.task) openTask(view.task);
