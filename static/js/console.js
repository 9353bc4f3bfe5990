// The console without this script is complete; with it clocks move, forms guard against a double tap,
// errors take the focus, long lists can be filtered and text fields grow.  No library, no inline code.

const served = Date.parse(document.querySelector("[data-clock]")?.getAttribute("datetime") ?? "");
const loaded = Date.now();
// The phone's clock may be wrong: time goes on from what the server said.
const now = () => (Number.isNaN(served) ? Date.now() : served + (Date.now() - loaded));

function span(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

function tickClocks() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const words = new Intl.DateTimeFormat("en-GB", {
      timeZone: clock.dataset.clock, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    }).format(now());
    if (clock.textContent !== words) clock.textContent = words;
  }
}

function tickPromises() {
  for (const clock of document.querySelectorAll("[data-due]")) {
    const left = (Date.parse(clock.dataset.due) - now()) / 1000;
    let words = left < 0 ? `overdue by ${span(left)}` : `due in ${span(left)}`;
    if (clock.dataset.dueWords === "hold") words = left > 0 ? `in ${span(left)}` : "any moment";
    else clock.closest(".promise")?.classList.toggle("is-overdue", left < 0);
    if (clock.textContent !== words) clock.textContent = words;
  }
}

// One tap, one request: the button that was pressed rests until the answer comes.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-guard-double]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
});

// Coming back to a page that the browser kept: its form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-guard-double]")) {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  }
});

// A long list that can be narrowed down by typing.
for (const filter of document.querySelectorAll("[data-filter]")) {
  filter.hidden = false;
  const input = filter.querySelector("input");
  input.addEventListener("input", (event) => {
    event.stopPropagation(); // it is no part of the form: no preview, no count
    const wanted = input.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(filter.dataset.filter)) {
      row.hidden = !row.dataset.name.includes(wanted);
    }
  });
  input.addEventListener("change", (event) => event.stopPropagation());
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
}

// A text field grows with its text.
function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}
for (const field of document.querySelectorAll("[data-grow]")) {
  field.addEventListener("input", () => grow(field));
  if (field.value) grow(field);
}

// What is chosen stands out at once.
document.addEventListener("change", (event) => {
  event.target.closest(".effect")?.classList.toggle("is-chosen", event.target.value !== "");
});

// On a phone the way round is wider than the screen: show where we are.
const here = document.querySelector(".console-nav [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;

document.getElementById("problem")?.focus();
tickClocks();
tickPromises();
setInterval(() => { tickClocks(); tickPromises(); }, 1000);

// What somebody types is saved as a draft: two seconds after the last key, and when they leave the page.
for (const form of document.querySelectorAll("form[data-draft]")) {
  const state = form.querySelector("#draft-state");
  let timer = 0, isChanged = false, isSaving = false;
  const save = async (isLeaving) => {
    clearTimeout(timer);
    if (!isChanged || isSaving || form.dataset.sent) return;
    isChanged = false;
    isSaving = true;
    try {
      const answer = await fetch(form.dataset.draft, {
        method: "POST", body: new FormData(form), keepalive: isLeaving, headers: { Accept: "application/json" },
      });
      const saved = await answer.json();
      if (answer.ok) {
        form.elements.draft_id.value = saved.id;
        form.elements.draft_version.value = saved.version;
        const here = new URL(location.href); // a reload finds the draft again
        here.searchParams.set("draft", saved.id);
        history.replaceState(null, "", here);
      }
      state.textContent = answer.ok ? "Draft saved" : saved.problem ?? "Draft not saved";
    } catch {
      isChanged = true; // tried again with the next key
      state.textContent = "Draft not saved: no connection";
    } finally {
      isSaving = false;
      if (isChanged && !isLeaving) timer = setTimeout(() => save(false), 2000);
    }
  };
  const changed = () => {
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(() => save(false), 2000);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(true); });
  window.addEventListener("pagehide", () => save(true));
}
