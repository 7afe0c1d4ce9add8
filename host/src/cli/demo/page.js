// Makes the page live. Without it every button still works, by loading the page again.
"use strict";

const table = document.getElementById("table");
const log = document.getElementById("log");
const form = document.getElementById("edit");
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const utcDay = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// The server writes times in UTC; people read them in their own zone.
function localise(root) {
  for (const time of root.querySelectorAll("time[data-ms]")) {
    const start = new Date(Number(time.dataset.ms));
    if (time.dataset.end) {
      const end = new Date(Number(time.dataset.end));
      time.textContent = `${day.format(start)} ${clock.format(start)}–${clock.format(end)}`;
    } else if (time.dataset.day) {
      time.textContent = `${utcDay.format(start)} all day`;
    } else {
      time.textContent = second.format(start);
    }
  }
}

function show(html) {
  const chosen = form.elements.row?.value;
  const focused = document.activeElement?.name === "row";
  table.innerHTML = html;
  localise(table);
  for (const radio of table.querySelectorAll("input[name=row]")) {
    if (radio.value === chosen) {
      radio.checked = true;
      if (focused) radio.focus();
    }
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form, event.submitter));
  fetch("/do", { method: "POST", headers: { "x-stay": "1" }, body: data });
});

const live = new EventSource("/live");
live.addEventListener("table", (event) => show(event.data));
live.addEventListener("status", (event) => { document.getElementById("status").innerHTML = event.data; });
live.addEventListener("lines", (event) => { log.innerHTML = event.data; localise(log); });
live.addEventListener("line", (event) => {
  log.insertAdjacentHTML("afterbegin", event.data);
  localise(log);
});
localise(document);
