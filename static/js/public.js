// Keeps an open page true: asks for it again every 30 seconds by its ETag, and says so when it can not.
(() => {
  const stale = document.querySelector("#stale"), main = document.querySelector("main");
  const PACE = 30000;
  let wait = PACE, good = Date.now(), seen, timer;
  const hhmm = (ms) => new Date(ms).toTimeString().slice(0, 5);

  // The reader's own time beside the page's, where the two differ.
  const local = () => {
    for (const one of main.querySelectorAll("time:not([data-local])")) {
      const at = new Date(one.dateTime), mine = hhmm(at);
      one.dataset.local = "";
      if (isNaN(at) || one.textContent.includes(mine)) continue;
      one.title = at.toLocaleString();
      one.append(` (${mine} your time)`);
    }
  };

  // A page that was not refreshed is never shown as if it were: the note stays until a refresh works.
  const note = (text) => { stale.textContent = text; stale.hidden = !text; };
  const age = () => {
    const rendered = Date.parse(main.dataset.rendered);
    note(!("lasting" in main.dataset) && Date.now() - rendered > 9e5 ? `This page was last written at ${hhmm(rendered)}. It may be out of date.` : "");
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
  };

  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-cache" });
        if (!answer.ok) throw new Error();
        const tag = answer.headers.get("ETag");
        if (!tag || tag !== seen) swap(await answer.text());
        seen = tag; good = Date.now(); wait = PACE;
        local(); age();
      } catch {
        note(`This page could not be refreshed since ${hhmm(good)}. It may be out of date.`);
        wait = Math.min(wait * 2, 300000);
      }
    }
    again();
  };
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, document.hidden ? PACE * 4 : wait);
  };
  // Who comes back to the page wants to know now.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) again(); else refresh();
  });
  local(); age(); again();
})();
