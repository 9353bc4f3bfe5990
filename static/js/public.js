// Keeps an open page true: asks for it again every 30 seconds by its ETag, and says so when it can not.
(() => {
  const stale = document.getElementById("stale");
  const PACE = 30000;
  let wait = PACE, good = Date.now(), seen = null;
  const hhmm = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

  // The reader's own time beside the page's, where the two differ.
  const local = () => {
    for (const one of document.querySelectorAll("main time:not([data-local])")) {
      const at = new Date(one.dateTime);
      const mine = hhmm(at);
      one.dataset.local = "";
      if (isNaN(at) || one.textContent.includes(mine)) continue;
      one.title = at.toLocaleString();
      one.append(` (${mine} your time)`);
    }
  };

  // A page that was not refreshed is never shown as if it were: the note stays until a refresh works.
  const note = (text) => { stale.textContent = text; stale.hidden = !text; };
  const age = () => {
    const rendered = Date.parse(document.querySelector("main").dataset.rendered);
    note(Date.now() - rendered > 9e5 ? `This page was last written at ${hhmm(rendered)}. It may be out of date.` : "");
  };

  const swap = (html) => {
    const next = new DOMParser().parseFromString(html, "text/html");
    const open = new Map([...document.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
    const main = next.querySelector("main");
    if (!main) throw new Error();
    for (const [id, was] of open) {
      const one = main.querySelector("#" + CSS.escape(id));
      if (one && was) one.open = true;
    }
    document.querySelector("main").replaceChildren(...main.childNodes);
    document.querySelector("main").dataset.rendered = main.dataset.rendered;
    document.title = next.title;
  };

  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-cache" });
        if (!answer.ok) throw new Error();
        const tag = answer.headers.get("ETag");
        if (tag !== seen && seen !== null) swap(await answer.text());
        seen = tag; good = Date.now(); wait = PACE;
        local(); age();
      } catch {
        note(`This page could not be refreshed since ${hhmm(good)}. It may be out of date.`);
        wait = Math.min(wait * 2, 300000);
      }
    }
    setTimeout(refresh, document.hidden ? PACE * 4 : wait);
  };
  document.addEventListener("visibilitychange", () => { wait = PACE; });
  local(); age();
  setTimeout(refresh, wait);
})();
