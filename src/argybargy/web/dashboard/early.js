// Set the chosen theme before the first paint: a module would run after it, and the page
// would flash in the other theme.
try {
  document.documentElement.dataset.theme = localStorage.getItem("argy_theme") || "auto";
} catch {
  document.documentElement.dataset.theme = "auto";
}

// The colour of the browser's own frame follows the theme of the page, not of the system.
{
  const root = document.documentElement;
  const colours = [...document.querySelectorAll("meta[name=theme-color]")];
  const usual = colours.map((meta) => meta.media);
  const paint = () => {
    const { theme } = root.dataset;
    const isChosen = theme === "light" || theme === "dark";
    colours.forEach((meta, at) => {
      const isOfTheme = usual[at].includes(theme);
      meta.media = isChosen ? (isOfTheme ? "all" : "not all") : usual[at];
    });
  };
  paint();
  new MutationObserver(paint).observe(root, { attributeFilter: ["data-theme"] });
}
