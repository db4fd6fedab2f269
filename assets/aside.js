/* What the browser says in the page's notice, and files that it makes itself. */
window.motiflensAside = {
  say: function (text) {
    window.dash_clientside.set_props("notice", { children: {
      namespace: "dash_mantine_components", type: "Alert",
      props: { children: String(text), color: "red", withCloseButton: true, variant: "light",
               className: "notice-alert", duration: 0 },
    } });
  },

  keepFile: function (blob, name) {
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10000);
  },
};
