// Shows notices while no page is open.  A later one about the same incident takes the place of the earlier one.
self.addEventListener("push", (event) => {
  let said = {};
  try { said = event.data.json(); } catch { /* nothing to read: something is shown all the same */ }
  const { title = "Status update", body = "", url = "/", tag = "status" } = said;
  event.waitUntil(self.registration.showNotification(title, { body, tag, renotify: true, data: { url } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.url));
});
