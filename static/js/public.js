// Keeps an open page true: asks for it again every 30 seconds by its ETag, and says so when it can not.
// Its words come with the page, in the page's language.
(() => {
  const stale = document.querySelector("#stale"), main = document.querySelector("main");
  const said = stale.textContent, lang = document.documentElement.lang;
  const PACE = 30000;
  let wait = PACE, good = Date.now(), seen, timer;
  const hhmm = (ms) => new Date(ms).toTimeString().slice(0, 5);
  // The day of an instant; one that no reader's day is like in a zone that the browser does not know.
  const dayOf = (at, timeZone) => { try { return at.toLocaleDateString("en", { timeZone }); } catch { return ""; } };

  // The reader's own time beside the page's, where the two differ; with its weekday where even that does.
  const local = () => {
    for (const one of main.querySelectorAll("time:not([data-local])")) {
      const at = new Date(one.dateTime), mine = hhmm(at);
      one.dataset.local = "";
      const day = dayOf(at, main.dataset.zone) === dayOf(at) ? "" : `${at.toLocaleDateString(lang, { weekday: "short" })} `;
      if (isNaN(at) || (!day && one.textContent.includes(mine))) continue;
      one.title = at.toLocaleString(lang);
      one.className = "both";
      one.replaceChildren(span("whole", one.textContent), " ", span("mine", `(${main.dataset.mine.replace("{time}", day + mine)})`));
    }
  };
  const span = (name, text) => Object.assign(document.createElement("span"), { className: name, textContent: text });

  // How long it is until the next update that was promised, or how long it is due.
  const spoken = new Intl.RelativeTimeFormat(lang, { style: "short" });
  const count = () => {
    for (const one of main.querySelectorAll(".promise, .is-promise dd")) {
      const minutes = Math.round((new Date(one.querySelector("time").dateTime) - Date.now()) / 6e4);
      const far = Math.abs(minutes) > 90;
      one.querySelector(".left")?.remove();
      one.append(" ", span("left", spoken.format(far ? Math.round(minutes / 60) : minutes, far ? "hour" : "minute")));
    }
  };

  // A page that was not refreshed is never shown as if it were: the note stays until a refresh works.
  const note = (text) => { stale.textContent = text; stale.hidden = !text; };
  const age = () => {
    const old = Date.now() - Date.parse(main.dataset.rendered) > 3e5;
    note(old && !("lasting" in main.dataset) ? said : "");
  };

  const swap = (html) => {
    const next = new DOMParser().parseFromString(html, "text/html");
    const fresh = next.querySelector("main"), { rendered } = fresh.dataset;
    if (rendered === main.dataset.rendered) return;
    for (const { id } of main.querySelectorAll("details[id][open]")) {
      next.getElementById(id)?.setAttribute("open", "");
    }
    main.replaceChildren(...fresh.childNodes);
    main.dataset.rendered = rendered;
    document.title = next.title;
    const icon = (page) => page.querySelector("link[rel=icon]");
    icon(document).href = icon(next).href;
  };

  const refresh = async () => {
    if (!document.hidden && main.dataset.rendered) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-cache" });
        if (!answer.ok) throw 0;
        const tag = answer.headers.get("ETag");
        if (!tag || tag !== seen) swap(await answer.text());
        seen = tag; good = Date.now(); wait = PACE;
        local(); age();
      } catch {
        note(main.dataset.unreached.replace("{time}", hhmm(good)));
        wait = Math.min(wait * 2, 3e5);
      }
    }
    again();
  };
  const again = () => {
    count();
    clearTimeout(timer);
    timer = setTimeout(refresh, document.hidden ? PACE * 4 : wait);
  };
  // Who comes back to the page wants to know now.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) again(); else refresh();
  });

  // A day of a bar under the pointer, or under the arrow keys, is told in the bar's own line.
  const show = (bar, day) => {
    const { last, known } = bar.dataset, line = bar.querySelector(".readout");
    line.dataset.up ??= line.textContent;
    bar.day = day;
    bar.classList.toggle("told", day >= 0);
    if (day < 0) { line.textContent = line.dataset.up; return; }
    const at = new Date(`${last}T12:00Z`), row = bar.querySelector(`[data-day="${day}"]`);
    at.setUTCDate(at.getUTCDate() - 89 + day);
    const state = row ? row.lastChild.textContent : main.dataset[day < known ? "unknown" : "well"];
    line.textContent = `${at.toLocaleDateString(lang, { month: "short", day: "numeric", timeZone: "UTC" })}: ${state}`;
  };
  const bar = (event) => event.target.closest?.(".history > summary")?.parentElement;
  const rtl = document.dir === "rtl";
  main.addEventListener("pointermove", (event) => {
    const box = event.target.closest?.(".days")?.getBoundingClientRect();
    if (!box) return;
    const share = (event.clientX - box.left) / box.width;
    show(bar(event), Math.max(0, Math.min(89, Math.floor((rtl ? 1 - share : share) * 90))));
  });
  main.addEventListener("pointerout", (event) => { if (bar(event)) show(bar(event), -1); });
  main.addEventListener("focusout", (event) => { if (bar(event)) show(bar(event), -1); });
  main.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] * (rtl ? -1 : 1), on = bar(event);
    if (!on || !step) return;
    event.preventDefault();
    show(on, Math.max(0, Math.min(89, (on.day >= 0 ? on.day : 90) + step)));
  });
  local(); age(); again();
})();
