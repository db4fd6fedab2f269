/* Which contributions the genome view asks for. */
window.dash_clientside = window.dash_clientside || {};
window.motiflensExplained = { choice: null, text: "" };

window.dash_clientside.motiflensExplained = {
  choose: function (choice) {
    if (!choice) { return ""; }
    const now = JSON.stringify(choice), genome = window.dash_clientside.motiflensGenome;
    if (now !== JSON.stringify(window.motiflensExplained.choice)) {
      window.motiflensExplained.choice = choice;
      if (genome) { genome.explainAgain(); }
    }
    return now;
  },

  /* The link names the choice beside what the rest of the page writes there. */
  link: function (text) {
    const query = new URLSearchParams(window.location.search);
    window.motiflensExplained.text = text || "";
    if (text) { query.set("explain", text); } else { query.delete("explain"); }
    window.history.replaceState(null, "", "?" + query.toString());
    return text;
  },
};
