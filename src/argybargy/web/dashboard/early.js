// Set the chosen theme before the first paint: a module would run after it, and the page
// would flash in the other theme.
try {
  document.documentElement.dataset.theme = localStorage.getItem("argy_theme") || "auto";
} catch {
  document.documentElement.dataset.theme = "auto";
}
