// For any website: shows a small frame in the corner while something is wrong, and nothing while all is well.
// <script src="https://status.example.com/embed/script.js"></script>
(() => {
  const home = new URL("..", document.currentScript.src);
  const frame = document.createElement("iframe");
  const narrow = window.matchMedia("(max-width: 450px)").matches;
  frame.src = `${home}embed/frame`;
  frame.title = "Status";
  frame.tabIndex = -1;
  Object.assign(frame.style, {
    position: "fixed", zIndex: "9999", border: "0", colorScheme: "normal", visibility: "hidden",
    boxShadow: "0 8px 30px rgba(0, 0, 0, .25)", borderRadius: narrow ? "0" : "10px",
    insetInlineEnd: narrow ? "0" : "24px", bottom: narrow ? "0" : "24px",
    width: narrow ? "100%" : "340px", height: "150px",
  });
  const actions = {
    showFrame() { frame.style.visibility = "visible"; frame.tabIndex = 0; },
    dismissFrame() { frame.style.visibility = "hidden"; frame.tabIndex = -1; },
  };
  addEventListener("message", ({ origin, source, data }) => {
    if (origin !== home.origin || source !== frame.contentWindow) return;
    if (Object.hasOwn(actions, data?.action)) actions[data.action]();
  });
  const place = () => document.body.append(frame);
  document.body ? place() : addEventListener("DOMContentLoaded", place);
  window.statusEmbedTest = actions.showFrame;
})();
