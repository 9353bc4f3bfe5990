// Stands in for Statuspage's own script, for websites that were written for it:
// <script src="https://status.example.com/embed/statuspage.js"></script>
// new StatusPage.page({page: "..."}).summary({success(data) { ... }, error(problem) { ... }})
(() => {
  const home = new URL("..", document.currentScript.src);
  const ask = (path, { success, error } = {}) => {
    fetch(`${home}api/v2/${path}.json`)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${answer.status} ${path}`))))
      .then((data) => success?.(data), (problem) => error?.(problem));
  };
  const filtered = (path, filters) => (options = {}) =>
    ask(filters.includes(options.filter) ? `${path}/${options.filter}` : path, options);
  function Page() {
    this.status = (options) => ask("status", options);
    this.summary = (options) => ask("summary", options);
    this.components = (options) => ask("components", options);
    this.incidents = filtered("incidents", ["unresolved"]);
    this.scheduled_maintenances = filtered("scheduled-maintenances", ["upcoming", "active"]);
  }
  window.StatusPage = { page: Page };
})();
