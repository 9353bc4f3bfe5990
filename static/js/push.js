// The button that lets this browser show notices.  Nothing is asked of it before a click.
(() => {
  const box = document.querySelector("#push");
  if (!box || !("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return;
  const on = box.querySelector("[data-on]"), off = box.querySelector("[data-off]");
  const status = box.querySelector("[role=status]"), form = document.querySelector("form"), words = box.dataset;
  const say = (text) => { status.textContent = text; };
  const show = (isOn) => { on.hidden = isOn; off.hidden = !isOn; };

  const place = words.worker.replace(/[^/]*$/, ""); // a page below a path has a worker of its own there

  const key = () => {
    const plain = atob(words.key.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (one) => one.charCodeAt(0));
  };
  const current = async () => {
    const worker = await navigator.serviceWorker.getRegistration(place);
    return worker ? worker.pushManager.getSubscription() : null;
  };
  const tell = async (url, said) => {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(said) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
  };
  const chosen = () => {
    const asked = new FormData(form), scope = asked.get("scope");
    if (scope === "post") return { post: asked.get("post") };
    return { components: scope === "some" ? asked.getAll("components") : [] };
  };

  const turnOn = async () => {
    if (await Notification.requestPermission() !== "granted") { say(words.refused); return; }
    await navigator.serviceWorker.register(words.worker, { scope: place });
    const worker = await navigator.serviceWorker.ready;
    const asked = { userVisibleOnly: true, applicationServerKey: key() };
    const subscription = await worker.pushManager.getSubscription() ?? await worker.pushManager.subscribe(asked);
    await tell(words.subscribe, { subscription, ...chosen() });
    show(true);
    say(words.isOn);
  };
  const turnOff = async () => {
    const subscription = await current();
    if (subscription) {
      await tell(words.unsubscribe, { subscription });
      await subscription.unsubscribe();
    }
    show(false);
    say(words.isOff);
  };
  const press = (act) => async () => {
    on.disabled = off.disabled = true;
    try { await act(); } catch { say(words.failed); }
    on.disabled = off.disabled = false;
  };
  on.addEventListener("click", press(turnOn));
  off.addEventListener("click", press(turnOff));
  current().then((subscription) => { show(Boolean(subscription)); box.hidden = false; }, () => {});
})();
