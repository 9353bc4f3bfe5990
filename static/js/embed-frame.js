// Inside the frame: asks the page around it to be shown while there is something to say that was not dismissed.
(() => {
  const { said } = document.body.dataset;
  const KEY = "candor-dismissed";
  const ask = (action) => parent.postMessage({ action }, "*");
  // Browsers may forbid a frame of another site to remember; then it is dismissed until it is loaded again.
  const remembered = () => { try { return sessionStorage.getItem(KEY); } catch { return null; } };
  document.querySelector("button").addEventListener("click", () => {
    try { sessionStorage.setItem(KEY, said); } catch { /* as above */ }
    ask("dismissFrame");
  });
  ask(said && remembered() !== said ? "showFrame" : "dismissFrame");
  setTimeout(() => location.reload(), 60000);
})();
